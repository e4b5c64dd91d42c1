import type { ClientCore } from '../client-core.ts';
import { createProducer } from '../producer/create-producer.ts';
import type { ForwardedMessage } from '../producer/outgoing.ts';
import type { Producer } from '../producer/producer.ts';

/** Publishes what a consumer passes on. Made when it is first needed, and anew where it failed for good. */
export class LetterProducer {
  readonly #core: ClientCore;
  readonly #topic: string;
  readonly #initialSubscriptionName: string | undefined;
  #producer: Promise<Producer> | undefined;

  /** @param topic full name */
  constructor(core: ClientCore, topic: string, initialSubscriptionName?: string) {
    this.#core = core;
    this.#topic = topic;
    this.#initialSubscriptionName = initialSubscriptionName;
  }

  /** Resolves when the broker has it. @throws PulsarError */
  async send(message: ForwardedMessage): Promise<void> {
    const producer = await this.#ready();
    await producer.send(message);
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined);
    await producer?.close();
  }

  async #ready(): Promise<Producer> {
    this.#producer ??= this.#create();
    const creating = this.#producer;
    try {
      const producer = await creating;
      if (producer.getFailure() === undefined) return producer;
    } catch (error) {
      if (this.#producer === creating) this.#producer = undefined;
      throw error;
    }
    if (this.#producer === creating) this.#producer = this.#create();
    return this.#producer;
  }

  #create(): Promise<Producer> {
    const config = { topic: this.#topic, batchingEnabled: false, blockIfQueueFull: true };
    return createProducer(this.#core, config, this.#initialSubscriptionName);
  }
}
