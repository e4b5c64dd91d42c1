/**
 * Holds a repeated complaint to one line an interval, with how often there was cause since the last: what anybody outside
 * can provoke must not fill the log.
 */
export class ThrottledLog {
  readonly #intervalMs: number;
  readonly #write: (times: number) => void;
  #times = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param write writes the line; `times` counts the causes that it stands for */
  constructor(intervalMs: number, write: (times: number) => void) {
    this.#intervalMs = intervalMs;
    this.#write = write;
  }

  /** There was cause: the first is written at once, those within an interval of a line together at its end. */
  note(): void {
    this.#times++;
    if (this.#timer === undefined) this.#flush();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#times > 0) this.#write(this.#times);
    this.#times = 0;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#times === 0) return;
    this.#write(this.#times);
    this.#times = 0;
    this.#timer = setTimeout(() => this.#flush(), this.#intervalMs);
    this.#timer.unref();
  }
}
