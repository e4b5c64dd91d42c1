/** The ids of one producer's messages, by which a broker removes duplicates: it drops what comes under an id that it has seen. */
export class SequenceIds {
  readonly #chosen: boolean;
  #next: number | undefined;

  /** @param last the application's last one, from which on it counts itself; else the broker's is gone by */
  constructor(last: number | undefined) {
    this.#chosen = last !== undefined;
    this.#next = last === undefined ? undefined : last + 1;
  }

  /** The id of the next message. @param own the application's for it */
  take(own: number | undefined): number {
    const id = own ?? this.#next ?? 0;
    this.#next = id + 1;
    return id;
  }

  /**
   * Told the newest id that the broker has seen, −1 where there is none, at each attachment; goes on after it.
   * True where it is one that was never given: the broker has misread one (commands have no checksum), and may have
   * dropped messages since for being older.
   */
  adopt(newest: number): boolean {
    const next = this.#next;
    if (next !== undefined && (this.#chosen || newest < next)) return false;
    this.#next = newest + 1;
    return next !== undefined;
  }
}
