import { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';

interface Waiter {
  readonly bytes: number;
  readonly go: () => boolean;
  gone: boolean;
}

export interface BudgetOptions {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Wait for room in place of failing. */
  readonly blocking: boolean;
}

/** Bounds what waits for its acknowledgement, in messages and in bytes. One message always has room for its bytes. */
export class Budget {
  readonly #options: BudgetOptions;
  #messages = 0;
  #bytes = 0;
  #handingOut = false;
  readonly #waiting = new Fifo<Waiter>();

  constructor(options: BudgetOptions) {
    this.#options = options;
  }

  /** Whether a message may go now, which is then counted. @throws PulsarError `ProducerQueueIsFull` where it may neither go nor wait */
  take(bytes: number): boolean {
    if (this.#waiting.size === 0 && this.#fits(bytes)) {
      this.#messages++;
      this.#bytes += bytes;
      return true;
    }
    if (this.#options.blocking) return false;
    const { maxMessages, maxBytes } = this.#options;
    const text = `${this.#messages} messages with ${this.#bytes} bytes wait to be acknowledged, at most ${maxMessages} and ${maxBytes} may`;
    throw new PulsarError('ProducerQueueIsFull', text);
  }

  /**
   * Calls `go` once there is room, in the order of the calls; the room is counted unless it says that it needs none any
   * more. Returns what gives it up.
   */
  wait(bytes: number, go: () => boolean): () => void {
    const waiter = { bytes, go, gone: false };
    this.#waiting.push(waiter);
    return () => {
      waiter.gone = true;
    };
  }

  /** Gives back what `messages` of together so many bytes took. */
  release(bytes: number, messages = 1): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
    // One that has just got room may give back another's before it is sent: whoever comes next goes behind it.
    if (this.#handingOut) return;
    this.#handingOut = true;
    try {
      this.#handOut();
    } finally {
      this.#handingOut = false;
    }
  }

  #handOut(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (!next.gone && !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      if (next.gone) continue;
      this.#messages++;
      this.#bytes += next.bytes;
      if (next.go()) continue;
      this.#messages--;
      this.#bytes -= next.bytes;
    }
  }

  #fits(bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#options;
    return this.#messages < maxMessages && (this.#bytes + bytes <= maxBytes || this.#messages === 0);
  }
}
