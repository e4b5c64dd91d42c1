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
  /** It gets no more: by its time, or because all is over. */
  readonly end: (reason: PulsarError | undefined) => void;
  timer: NodeJS.Timeout | undefined;
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
      if (!taker.offer(message)) continue;
      taker.done = true;
      clearTimeout(taker.timer);
    }
  }

  one(timeoutMs: number | undefined, what: string): Promise<Message> {
    return new Promise((resolve, reject) => {
      const offer = (message: Message): boolean => {
        resolve(message);
        return true;
      };
      const end = (reason: PulsarError | undefined): void =>
        reject(reason ?? new PulsarError('Timeout', `${what}: no message within ${timeoutMs ?? 0} ms`));
      this.#add(offer, end, timeoutMs ?? Number.POSITIVE_INFINITY);
    });
  }

  batch(limits: BatchLimits): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const messages: Message[] = [];
      let bytes = 0;
      const offer = (message: Message): boolean => {
        messages.push(message);
        bytes += sizeOf(message);
        if (messages.length < limits.maxMessages && bytes < limits.maxBytes) return false;
        resolve(messages);
        return true;
      };
      const end = (reason: PulsarError | undefined): void => {
        if (reason === undefined) resolve(messages);
        else reject(reason);
      };
      this.#add(offer, end, limits.timeoutMs);
    });
  }

  fail(reason: PulsarError): void {
    for (const taker of this.#waiting.drain()) {
      clearTimeout(taker.timer);
      if (!taker.done) taker.end(reason);
    }
  }

  #add(offer: Taker['offer'], end: Taker['end'], timeoutMs: number): void {
    const taker: Taker = { offer, end, timer: undefined, done: false };
    this.#waiting.push(taker);
    this.pump();
    if (taker.done || timeoutMs === Number.POSITIVE_INFINITY) return;
    taker.timer = setTimeout(() => {
      taker.done = true;
      end(undefined);
      // Whoever came next may take what is there now.
      this.pump();
    }, timeoutMs);
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
