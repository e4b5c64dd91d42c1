import { Deferred } from '@pharos/lifecycle';

export interface CatchUpLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** A tail that reads the newest of a lane before it follows it, within limits. */
export class CatchUp {
  readonly #limits: CatchUpLimits;
  readonly #done = new Deferred<boolean>();
  #isThrough: (() => boolean) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;

  constructor(limits: CatchUpLimits) {
    this.#limits = limits;
  }

  /** Resolves with true once `isThrough`, with false where it takes too much or too long, or is stopped. */
  outcome(isThrough: () => boolean): Promise<boolean> {
    this.#isThrough = isThrough;
    this.#timer = setTimeout(() => this.#done.resolve(false), this.#limits.timeoutMs);
    this.check();
    return this.#done.promise.finally(() => clearTimeout(this.#timer));
  }

  read(bytes: number): void {
    this.#bytes += bytes;
  }

  /** To be called when entries have been read. */
  check(): void {
    if (this.#isThrough?.() === true) this.#done.resolve(true);
    else if (this.#bytes > this.#limits.maxBytes) this.#done.resolve(false);
  }

  stop(): void {
    this.#done.resolve(false);
  }
}
