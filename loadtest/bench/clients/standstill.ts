export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface StandstillLimits {
  /** A busy event loop is one that stands still from here on. @default 1000 */
  readonly leastMs?: number;
  /** @default 200 */
  readonly tickMs?: number;
}

/**
 * When this process did nothing: on a machine that is asked too much. Its clients answered no ping meanwhile, so that edges had to end
 * connections that the clients took for sound until they were told, and what they were sent they wrote down too late.
 */
export class StandstillWatch {
  readonly #leastMs: number;
  readonly #stretches: Stretch[] = [];
  #lastMs: number = Date.now();

  constructor({ leastMs = 1_000, tickMs = 200 }: StandstillLimits = {}) {
    this.#leastMs = leastMs;
    setInterval(() => this.#tick(), tickMs).unref();
  }

  /** Those that are over. */
  get stretches(): readonly Stretch[] {
    this.#tick();
    return this.#stretches;
  }

  #tick(): void {
    const fromMs = this.#lastMs;
    const toMs = Date.now();
    this.#lastMs = toMs;
    if (toMs - fromMs >= this.#leastMs) this.#stretches.push({ fromMs, toMs });
  }
}
