import { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';
import { maxTimerMs } from '../options.ts';
import type { Message } from './message.ts';

export interface BatchLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Infinity: until one of the other limits. */
  readonly timeoutMs: number;
}

interface Taker {
  /** Of a batch: what it has so far. */
  readonly gathered: Message[];
  /** `full`: taken, and it needs no more. `refused`: it needs no more without this one. */
  readonly offer: (message: Message) => 'taken' | 'full' | 'refused';
  /** It gets no more: by its time, or because all is over. */
  readonly end: (reason: PulsarError | undefined) => void;
  timer: NodeJS.Timeout | undefined;
  done: boolean;
}

/** So many that are done with may stand in the queue before it is looked through. */
const mostDone = 100;

/** Those who wait for messages, in the order in which they came. Each is a promise that the caller holds. */
export class Takers {
  readonly #next: () => Message | undefined;
  readonly #waiting = new Fifo<Taker>();
  /** Of those that wait, how many at most are done with: their time was up while somebody ahead of them still waits. */
  #done = 0;
  /** Didn't fit into a batch; the first of the next one. */
  #held: Message | undefined;

  /** @param next the next message, where one is there */
  constructor(next: () => Message | undefined) {
    this.#next = next;
  }

  /** How many wait, with those that are done with. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Hands out what is there. */
  pump(): void {
    for (let taker = this.#first(); taker !== undefined; taker = this.#first()) {
      const message = this.#takeNext();
      if (message === undefined) return;
      const answer = taker.offer(message);
      if (answer === 'taken') continue;
      if (answer === 'refused') this.#held = message;
      taker.done = true;
      clearTimeout(taker.timer);
    }
  }

  one(timeoutMs: number | undefined, what: string): Promise<Message> {
    // Hot path: nobody waits and there is one.
    const message = this.#first() === undefined ? this.#takeNext() : undefined;
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve, reject) => {
      const offer = (message: Message): 'full' => {
        resolve(message);
        return 'full';
      };
      const end = (reason: PulsarError | undefined): void =>
        reject(reason ?? new PulsarError('Timeout', `${what}: no message within ${timeoutMs ?? 0} ms`));
      this.#add({ offer, end, gathered: [] }, timeoutMs ?? Number.POSITIVE_INFINITY);
    });
  }

  batch(limits: BatchLimits): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const gathered: Message[] = [];
      let bytes = 0;
      const offer = (message: Message): 'taken' | 'full' | 'refused' => {
        // All may have been taken back.
        if (gathered.length === 0) bytes = 0;
        const size = sizeOf(message);
        const fits = gathered.length === 0 || bytes + size <= limits.maxBytes;
        if (fits) gathered.push(message);
        bytes += size;
        if (fits && gathered.length < limits.maxMessages && bytes < limits.maxBytes) return 'taken';
        resolve(gathered);
        return fits ? 'full' : 'refused';
      };
      const end = (reason: PulsarError | undefined): void => {
        if (reason === undefined) resolve(gathered);
        else reject(reason);
      };
      this.#add({ offer, end, gathered }, limits.timeoutMs);
    });
  }

  fail(reason: PulsarError): void {
    for (const taker of this.#waiting.drain()) {
      clearTimeout(taker.timer);
      if (!taker.done) taker.end(reason);
    }
  }

  /** Drops what was taken of a topic or partition (full name) and is in nobody's hands yet: it comes again. */
  forget(topic: string): void {
    const comesAgain = (message: Message): boolean => message.getTopicName() === topic;
    if (this.#held !== undefined && comesAgain(this.#held)) this.#held = undefined;
    for (const { gathered, done } of this.#waiting) {
      if (done) continue;
      const kept = gathered.filter((message) => !comesAgain(message));
      gathered.splice(0, gathered.length, ...kept);
    }
  }

  #add(waiting: Pick<Taker, 'offer' | 'end' | 'gathered'>, timeoutMs: number): void {
    const taker: Taker = { ...waiting, timer: undefined, done: false };
    this.#waiting.push(taker);
    this.pump();
    // A timer that is to wait longer would fire at once; nobody waits for its end.
    if (taker.done || timeoutMs > maxTimerMs) return;
    taker.timer = setTimeout(() => {
      taker.done = true;
      this.#sweep();
      taker.end(undefined);
      // Whoever came next may take what is there now.
      this.pump();
    }, timeoutMs);
  }

  /** Else a poll behind somebody who waits for long would leave one for each of its turns. */
  #sweep(): void {
    this.#done++;
    if (this.#done <= mostDone || this.#done * 2 <= this.#waiting.size) return;
    const waiting = this.#waiting.drain().filter(({ done }) => !done);
    this.#done = 0;
    for (const taker of waiting) this.#waiting.push(taker);
  }

  #takeNext(): Message | undefined {
    const message = this.#held ?? this.#next();
    this.#held = undefined;
    return message;
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
