/**
 * Reads that many ask for at once: while one is under way, those that ask gather for the next one, which begins after they asked, so that each
 * sees what it has written itself.
 */
export class SharedReads<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #next = new Map<string, Promise<T>>();

  read(key: string, load: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, load);
    const gathered = this.#next.get(key);
    if (gathered !== undefined) return gathered;
    const next = running
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        this.#next.delete(key);
        return this.#start(key, load);
      });
    this.#next.set(key, next);
    return next;
  }

  #start(key: string, load: () => Promise<T>): Promise<T> {
    const read = load().finally(() => this.#running.delete(key));
    this.#running.set(key, read);
    return read;
  }
}
