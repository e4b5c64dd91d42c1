import { Deferred, withDeadline } from '@pharos/lifecycle';

export interface GateLimits {
  readonly maxRunning: number;
  /** Those that wait: one more is refused. */
  readonly maxWaiting: number;
}

/** As many run as may, and as many wait: to be tried again. */
export class GateFull extends Error {
  constructor(what: string) {
    super(`too much waits already for ${what}`);
    this.name = 'GateFull';
  }
}

/** Lets so many run at a time, in the order in which they came. */
export class Gate {
  readonly #what: string;
  readonly #limits: GateLimits;
  readonly #waiting: Deferred<void>[] = [];
  #running = 0;

  /** @param what is waited for, in errors */
  constructor(what: string, limits: GateLimits) {
    this.#what = what;
    this.#limits = limits;
  }

  /** Works once there is room. @throws GateFull, DeadlineExceeded, and what the work throws */
  async run<T>(deadlineAt: number, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.maxRunning) await this.#wait(deadlineAt);
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  async #wait(deadlineAt: number): Promise<void> {
    if (this.#waiting.length >= this.#limits.maxWaiting) throw new GateFull(this.#what);
    const turn = new Deferred<void>();
    this.#waiting.push(turn);
    const leftMs = Math.max(1, deadlineAt - performance.now());
    try {
      await withDeadline(turn.promise, leftMs, `waiting for ${this.#what}`);
    } catch (error) {
      const at = this.#waiting.indexOf(turn);
      if (at >= 0) this.#waiting.splice(at, 1);
      // It came in the very moment: somebody else's now.
      else this.#passOn();
      throw error;
    }
  }

  #passOn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next.resolve();
  }
}
