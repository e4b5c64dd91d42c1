/** The edges that the clients of a process know. Each client goes to the next one with each connection, from a place of its own. */
export class Endpoints {
  #urls: readonly string[] = [];

  set(urls: readonly string[]): void {
    if (urls.length === 0) throw new RangeError('clients need an edge at least');
    this.#urls = urls;
  }

  at(turn: number): string {
    return this.#urls[turn % this.#urls.length] as string;
  }
}
