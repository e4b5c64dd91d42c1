const windowMs = 30_000;

/** The largest of the values of the last window or two; adding one is a comparison, and no timer runs. */
export class RecentMax {
  #current = 0;
  #previous = 0;
  #since: number = performance.now();

  add(value: number): void {
    if (value > this.#current) this.#current = value;
  }

  /** To be asked about as often as a window is long: what nobody asks for doesn't grow old. */
  get value(): number {
    const largest = Math.max(this.#current, this.#previous);
    const now = performance.now();
    if (now - this.#since >= windowMs) {
      this.#previous = this.#current;
      this.#current = 0;
      this.#since = now;
    }
    return largest;
  }
}
