import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import type { Message } from './message.ts';
import { type BatchLimits, Takers } from './takers.ts';

/** How many messages a listener gets before others get their turn of the event loop. */
const listenerTurn = 200;

export interface DeliveryParts {
  /** For messages: `receiving from …`. */
  readonly what: string;
  readonly batch: BatchLimits;
  readonly listener: ((message: Message) => void) | undefined;
}

/** How messages get to the application: it asks for them, or has a listener. */
export class Delivery {
  readonly #core: ClientCore;
  readonly #parts: DeliveryParts;
  readonly #next: () => Message | undefined;
  readonly #takers: Takers;
  #listening = false;
  #ended: PulsarError | undefined;

  /** @param next the next message, where one is there */
  constructor(core: ClientCore, parts: DeliveryParts, next: () => Message | undefined) {
    this.#core = core;
    this.#parts = parts;
    this.#next = next;
    this.#takers = new Takers(next);
  }

  /** There may be a message. */
  readable(): void {
    if (this.#parts.listener === undefined) this.#takers.pump();
    else if (!this.#listening) {
      this.#listening = true;
      setImmediate(() => this.#listen());
    }
  }

  /** @throws PulsarError `Timeout`, or why it is over */
  async one(timeoutMs: number | undefined): Promise<Message> {
    this.#mustReceive();
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      throw new PulsarError('InvalidConfiguration', `timeout of ${timeoutMs} ms, expected 0 or more`);
    }
    return this.#takers.one(timeoutMs, this.#parts.what);
  }

  /** @throws PulsarError why it is over */
  async batch(): Promise<Message[]> {
    this.#mustReceive();
    return this.#takers.batch(this.#parts.batch);
  }

  /** Drops what was taken of a topic or partition and is in nobody's hands yet: it comes again. */
  forget(topic: string): void {
    this.#takers.forget(topic);
  }

  /** Whoever waits for messages is told why there are no more. */
  end(reason: PulsarError): void {
    this.#ended ??= reason;
    this.#takers.fail(reason);
  }

  #listen(): void {
    const { listener } = this.#parts;
    for (let count = 0; count < listenerTurn && this.#ended === undefined; count++) {
      const message = this.#next();
      if (message === undefined || listener === undefined) {
        this.#listening = false;
        return;
      }
      this.#core.callOut(() => listener(message));
    }
    // Once it is over nobody takes messages any more: to go on looking for them would keep the process running for ever.
    if (this.#ended === undefined) setImmediate(() => this.#listen());
  }

  #mustReceive(): void {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#parts.listener === undefined) return;
    throw new PulsarError('InvalidConfiguration', 'a consumer that has a listener can not receive by itself');
  }
}
