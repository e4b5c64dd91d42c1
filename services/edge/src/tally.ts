/** How many there are of each name, and whether that is as many as may be. */
export class Tally {
  /** None: any number. */
  limit: number | undefined;
  readonly #counts = new Map<string, number>();

  constructor(limit: number | undefined) {
    this.limit = limit;
  }

  /** Whether there are as many as may be. */
  isFull(name: string): boolean {
    return this.limit !== undefined && (this.#counts.get(name) ?? 0) >= this.limit;
  }

  /** One more, whatever the limit is. */
  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** One less, of those that were counted. */
  leave(name: string): void {
    const count = (this.#counts.get(name) ?? 0) - 1;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
  }
}
