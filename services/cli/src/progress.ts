/** Counts over time, in words. */
export class Progress {
  readonly #count: () => number;
  readonly #say: (text: string) => void;
  readonly #startedMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #lastMs = this.#startedMs;

  constructor(count: () => number, say: (text: string) => void) {
    this.#count = count;
    this.#say = say;
  }

  /** Says each second what came in it; nothing in a second in which nothing came. */
  start(): void {
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** `in 2.5 s, 4000 lines/s`, over the whole run. */
  summary(): string {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return `in ${seconds.toFixed(1)} s, ${rate(this.#count(), seconds)}`;
  }

  #tick(): void {
    const now = performance.now();
    const count = this.#count();
    if (count !== this.#last) {
      this.#say(`${count} lines acknowledged, ${rate(count - this.#last, (now - this.#lastMs) / 1000)}`);
    }
    this.#last = count;
    this.#lastMs = now;
  }
}

function rate(count: number, seconds: number): string {
  return `${seconds > 0 ? Math.round(count / seconds) : count} lines/s`;
}
