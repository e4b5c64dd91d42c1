import { PulsarError } from '../errors.ts';
import type { Budget } from './budget.ts';

/** Sends that wait for room, at most as long as a message may take. Their number is the caller's: each is one of its promises. */
export class Blocked {
  readonly #budget: Budget;
  readonly #timeoutMs: number;
  readonly #topic: string;
  readonly #waiting = new Set<(error: PulsarError) => void>();

  constructor(budget: Budget, timeoutMs: number, topic: string) {
    this.#budget = budget;
    this.#timeoutMs = timeoutMs;
    this.#topic = topic;
  }

  /** Calls `go` when there is room, or `reject`. */
  add(bytes: number, go: () => void, reject: (error: PulsarError) => void): void {
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (error: PulsarError): void => {
      clearTimeout(timer);
      this.#waiting.delete(giveUp);
      forget();
      reject(error);
    };
    const giveUpAt = this.#timeoutMs === 0 ? Infinity : performance.now() + this.#timeoutMs;
    const timeUp = (): void => {
      const text = `no room for another message on ${this.#topic} within ${this.#timeoutMs} ms`;
      giveUp(new PulsarError('Timeout', text));
    };
    const forget = this.#budget.wait(bytes, () => {
      // Room often comes because what took it ran out of time: so may have this one, though its timer is still to fire.
      if (performance.now() + 1 >= giveUpAt) {
        timeUp();
        return false;
      }
      clearTimeout(timer);
      this.#waiting.delete(giveUp);
      go();
      return true;
    });
    this.#waiting.add(giveUp);
    if (this.#timeoutMs > 0) timer = setTimeout(timeUp, this.#timeoutMs);
  }

  fail(error: PulsarError): void {
    for (const giveUp of [...this.#waiting]) giveUp(error);
  }
}
