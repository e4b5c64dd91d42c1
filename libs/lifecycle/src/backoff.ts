export interface BackoffOptions {
  /** @default 100 */
  readonly initialMs?: number;
  /** @default 30000 */
  readonly maxMs?: number;
  /** Injected in tests. @default Math.random */
  readonly random?: () => number;
}

/**
 * Exponential backoff with full jitter: each delay is uniform between half and the whole of a value that doubles up to
 * `maxMs`. Jitter keeps a fleet that lost the same server from coming back in step; the lower half keeps one process
 * from hammering it.
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 100;
    this.#maxMs = options.maxMs ?? 30_000;
    this.#random = options.random ?? Math.random;
  }

  /** How many delays have been handed out since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The next delay in milliseconds. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt++;
    return Math.round(ceiling / 2 + (this.#random() * ceiling) / 2);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
