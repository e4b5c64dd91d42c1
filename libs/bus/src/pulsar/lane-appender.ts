import { Backoff, Deferred } from '@pharos/lifecycle';
import { BusError } from '../errors.ts';
import type { EntryPosition } from './position.ts';

export interface OutgoingMessage {
  readonly key?: string;
  readonly data: Buffer;
  readonly properties: Readonly<Record<string, string>>;
  /** For the broker's deduplication, of a producer that chooses its own. */
  readonly sequenceId?: number;
}

/** A producer of one lane, as far as appending needs one. */
export interface LaneProducer {
  /** Whether what is sent now goes onto the wire at once. */
  readonly connected: boolean;
  /** Set once it takes nothing more and never will: the topic is gone, or the broker refuses it. */
  readonly ended: BusError | undefined;
  /** Resends over reconnects until the broker has answered. @throws BusError */
  send(message: OutgoingMessage): Promise<EntryPosition>;
  close(): Promise<void>;
}

export interface LaneAppenderParts {
  /** For errors. */
  readonly topic: string;
  readonly lane: number;
  /** `onChange` is called whenever `connected` or `ended` changed. @throws BusError */
  readonly createProducer: (onChange: () => void) => Promise<LaneProducer>;
}

interface Append {
  readonly message: OutgoingMessage;
  readonly outcome: Deferred<EntryPosition>;
  readonly timer: NodeJS.Timeout;
}

/**
 * Appends to one lane, in order. An append is held here until there is a connection to write it to, so that one whose
 * deadline passes before can be taken back: nothing was written. One that was handed to the producer can't be.
 */
export class LaneAppender {
  readonly #parts: LaneAppenderParts;
  /** In order; bounded by the bus, which counts every append until it is settled. */
  readonly #held = new Set<Append>();
  readonly #sent = new Set<Append>();
  #producer: LaneProducer | undefined;
  #creating = false;
  readonly #backoff = new Backoff({ maxMs: 5_000 });
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: LaneAppenderParts) {
    this.#parts = parts;
  }

  /** @throws BusError `deadline`, `outcome-unknown`, `closed`, `too-large`, `refused` */
  append(message: OutgoingMessage, deadlineMs: number): Promise<EntryPosition> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (deadlineMs <= 0) return Promise.reject(this.#deadlineError());
    const append: Append = {
      message,
      outcome: new Deferred(),
      timer: setTimeout(() => this.#expire(append), deadlineMs),
    };
    this.#held.add(append);
    this.#pump();
    return append.outcome.promise;
  }

  /** Waits for the appends that are under way, which their deadlines bound, then closes the producer. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled([...this.#held, ...this.#sent].map((append) => append.outcome.promise));
    clearTimeout(this.#retry);
    await this.#producer?.close();
  }

  #pump(): void {
    const producer = this.#producer;
    if (producer === undefined) {
      if (this.#held.size > 0) this.#create();
      return;
    }
    if (producer.ended !== undefined) {
      this.#drop(producer.ended);
      return;
    }
    for (const append of this.#held) {
      if (!producer.connected) return;
      this.#held.delete(append);
      this.#sent.add(append);
      producer.send(append.message).then(
        (position) => this.#settle(append, () => append.outcome.resolve(position)),
        (error: unknown) => this.#settle(append, () => append.outcome.reject(error)),
      );
    }
  }

  /** Fails what waits for a producer that ended; the next append makes another. */
  #drop(reason: BusError): void {
    this.#producer = undefined;
    for (const append of this.#held) this.#settle(append, () => append.outcome.reject(reason));
  }

  #create(): void {
    if (this.#creating || this.#retry !== undefined) return;
    this.#creating = true;
    this.#parts
      .createProducer(() => this.#pump())
      .then(
        (producer) => this.#created(producer),
        (error: unknown) => this.#notCreated(error),
      );
  }

  #created(producer: LaneProducer): void {
    this.#creating = false;
    this.#backoff.reset();
    this.#producer = producer;
    this.#pump();
    // It came after everything that it was for had given up.
    if (this.#closed && this.#sent.size === 0) producer.close().catch(() => undefined);
  }

  #notCreated(error: unknown): void {
    this.#creating = false;
    if (error instanceof BusError && error.retryable) {
      if (this.#held.size === 0) return;
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        if (this.#held.size > 0) this.#create();
      }, this.#backoff.next());
      return;
    }
    for (const append of this.#held) this.#settle(append, () => append.outcome.reject(error));
  }

  #expire(append: Append): void {
    const held = this.#held.has(append);
    this.#settle(append, () => append.outcome.reject(held ? this.#deadlineError() : this.#unknownError()));
  }

  #settle(append: Append, settle: () => void): void {
    clearTimeout(append.timer);
    this.#held.delete(append);
    this.#sent.delete(append);
    settle();
  }

  #deadlineError(): BusError {
    return new BusError('deadline', `${this.#where()} could not be written to in time; nothing was written`);
  }

  #unknownError(): BusError {
    return new BusError(
      'outcome-unknown',
      `${this.#where()} did not answer in time; it may have the publication or not`,
    );
  }

  #closedError(): BusError {
    return new BusError('closed', `the log '${this.#parts.topic}' was closed`);
  }

  #where(): string {
    return `lane ${this.#parts.lane} of '${this.#parts.topic}'`;
  }
}
