import { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';
import type { Message } from './message.ts';

export interface BatchLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Infinity: until one of the other limits. */
  readonly timeoutMs: number;
}

interface Taker {
  /** Takes a message; true where it needs no more. */
  readonly offer: (message: Message) => boolean;
  readonly fail: (error: PulsarError) => void;
  done: boolean;
}

/** Those who wait for messages, in the order in which they came. Each is a promise that the caller holds. */
export class Takers {
  readonly #next: () => Message | undefined;
  readonly #waiting = new Fifo<Taker>();

  /** @param next the next message, where one is there */
  constructor(next: () => Message | undefined) {
    this.#next = next;
  }

  /** Hands out what is there. */
  pump(): void {
    for (let taker = this.#first(); taker !== undefined; taker = this.#first()) {
      const message = this.#next();
      if (message === undefined) return;
      if (taker.offer(message)) taker.done = true;
    }
  }

  one(timeoutMs: number | undefined, what: string): Promise<Message> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const taker: Taker = {
        offer: (message) => {
          clearTimeout(timer);
          resolve(message);
          return true;
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
        done: false,
      };
      this.#waiting.push(taker);
      this.pump();
      if (taker.done || timeoutMs === undefined) return;
      timer = setTimeout(() => {
        taker.done = true;
        reject(new PulsarError('Timeout', `${what}: no message within ${timeoutMs} ms`));
      }, timeoutMs);
    });
  }

  batch(limits: BatchLimits): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const messages: Message[] = [];
      let bytes = 0;
      let timer: NodeJS.Timeout | undefined;
      const taker: Taker = {
        offer: (message) => {
          messages.push(message);
          bytes += sizeOf(message);
          if (messages.length < limits.maxMessages && bytes < limits.maxBytes) return false;
          clearTimeout(timer);
          resolve(messages);
          return true;
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
        done: false,
      };
      this.#waiting.push(taker);
      this.pump();
      if (taker.done || limits.timeoutMs === Number.POSITIVE_INFINITY) return;
      timer = setTimeout(() => {
        taker.done = true;
        resolve(messages);
        // Whoever came next may take what is there now.
        this.pump();
      }, limits.timeoutMs);
    });
  }

  fail(error: PulsarError): void {
    for (const taker of this.#waiting.drain()) if (!taker.done) taker.fail(error);
  }

  #first(): Taker | undefined {
    for (let taker = this.#waiting.peek(); taker !== undefined; taker = this.#waiting.peek()) {
      if (!taker.done) return taker;
      this.#waiting.shift();
    }
    return undefined;
  }
}

/** What can't be read has no size, and is for the receiver to find out. */
function sizeOf(message: Message): number {
  try {
    return message.getData().length;
  } catch {
    return 0;
  }
}
