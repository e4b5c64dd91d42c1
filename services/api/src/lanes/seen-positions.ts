/** An append's answer comes within its deadline; what came by long before belongs to none that waits. */
const keptMs = 30_000;
/** Against a lane that is busier than anybody asks for. */
const maxKept = 200_000;

/** Where publications that came by lay, for answers that come after them. */
export class SeenPositions {
  #now = new Map<string, number>();
  #before = new Map<string, number>();
  #since: number = performance.now();

  get(position: string): number | undefined {
    return this.#now.get(position) ?? this.#before.get(position);
  }

  add(position: string, offset: number): void {
    if (performance.now() - this.#since > keptMs || this.#now.size >= maxKept / 2) {
      this.#before = this.#now;
      this.#now = new Map();
      this.#since = performance.now();
    }
    this.#now.set(position, offset);
  }

  clear(): void {
    this.#now.clear();
    this.#before.clear();
  }
}
