/** What bounds one try to connect: its time, and whoever calls it off. */
export class Bound {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #callOff = (): void => this.#controller.abort(this.#outer.reason);

  /** @param tooLate what is thrown once the time is up */
  constructor(outer: AbortSignal, timeoutMs: number, tooLate: Error) {
    this.signal = this.#controller.signal;
    this.#outer = outer;
    this.#timer = setTimeout(() => this.#controller.abort(tooLate), timeoutMs);
    if (outer.aborted) this.#callOff();
    else outer.addEventListener('abort', this.#callOff, { once: true });
  }

  /** Waits for it, or throws why that ends before. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let stop: (() => void) | undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      stop = (): void => reject(this.signal.reason as Error);
      if (this.signal.aborted) stop();
      else this.signal.addEventListener('abort', stop, { once: true });
    });
    // Nobody waits for it any more once the other has won.
    promise.catch(() => undefined);
    try {
      return await Promise.race([promise, ended]);
    } finally {
      if (stop !== undefined) this.signal.removeEventListener('abort', stop);
    }
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#callOff);
  }
}
