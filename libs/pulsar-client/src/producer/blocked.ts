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
    const forget = this.#budget.wait(bytes, () => {
      clearTimeout(timer);
      this.#waiting.delete(giveUp);
      go();
    });
    this.#waiting.add(giveUp);
    if (this.#timeoutMs === 0) return;
    const text = `no room for another message on ${this.#topic} within ${this.#timeoutMs} ms`;
    timer = setTimeout(() => giveUp(new PulsarError('Timeout', text)), this.#timeoutMs);
  }

  fail(error: PulsarError): void {
    for (const giveUp of [...this.#waiting]) giveUp(error);
  }
}
