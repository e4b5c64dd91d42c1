/** Tells a reader of leaves which ones it has had: the newest ids, up to a number. */
export class LeaveIds {
  readonly #most: number;
  readonly #ids = new Set<string>();

  /** @default 100000 */
  constructor(most = 100_000) {
    this.#most = most;
  }

  /** True the first time that an id comes. */
  first(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#most) {
      const [oldest] = this.#ids;
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
    return true;
  }
}
