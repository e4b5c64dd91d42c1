import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import type { MessageId, MessageIdParts } from '../message-id.ts';
import { earliestMessageId, latestMessageId } from '../wire/index.ts';
import type { Consumer } from './consumer.ts';
import type { LetterSettings } from './dead-letter-policy.ts';
import { Delivery, type DeliveryParts } from './delivery.ts';
import { Letters } from './letters.ts';
import type { Message } from './message.ts';
import type { MessageConsumer, Sharing } from './message-consumer.ts';

export interface LetterConsumerParts extends DeliveryParts {
  readonly subscription: string;
  readonly settings: LetterSettings;
  /** Makes the consumer of the topic, then of the retry topic; it is not started. */
  readonly newConsumer: (topic: 'own' | 'retry', sharing: Sharing) => Promise<MessageConsumer>;
}

/**
 * A consumer of a topic and, where messages are put off, of the retry topic on which they wait; what came again too often
 * goes to the dead letter topic.
 */
export class LetterConsumer implements Consumer {
  readonly #core: ClientCore;
  readonly #letters: Letters;
  readonly #delivery: Delivery;
  /** The topic's own, then the retry topic's. */
  readonly #consumers: MessageConsumer[] = [];
  /** Ids of messages from the retry topic: by themselves they look like the topic's own. */
  readonly #retried = new WeakSet<MessageIdParts>();
  #turn = 0;
  #closing: Promise<null> | undefined;

  constructor(core: ClientCore, { subscription, settings, ...parts }: Omit<LetterConsumerParts, 'newConsumer'>) {
    this.#core = core;
    this.#delivery = new Delivery(core, parts, () => this.#next());
    this.#letters = new Letters(core, {
      subscription,
      settings,
      acknowledge: (message) => this.acknowledge(message),
      refuse: (message) => this.negativeAcknowledge(message),
    });
  }

  /** @throws PulsarError */
  async start({ newConsumer, settings }: LetterConsumerParts): Promise<void> {
    const delivery = this.#delivery;
    const { divert } = this.#letters;
    const { maxRedeliverCount } = settings;
    this.#core.add(this);
    try {
      await this.#startOne(await newConsumer('own', { delivery, maxRedeliverCount, divert }));
      if (settings.retryLetterTopic === undefined) return;
      const divertRetried = (message: Message): boolean => {
        this.#retried.add(message.getMessageId());
        return divert(message);
      };
      await this.#startOne(await newConsumer('retry', { delivery, maxRedeliverCount, divert: divertRetried }));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  receive(timeoutMs?: number): Promise<Message> {
    return this.#delivery.one(timeoutMs);
  }

  batchReceive(): Promise<Message[]> {
    return this.#delivery.batch();
  }

  async acknowledge(message: Message): Promise<null> {
    return this.acknowledgeId(message.getMessageId());
  }

  async acknowledgeId(messageId: MessageIdParts): Promise<null> {
    return this.#consumerOf(messageId).acknowledgeId(messageId);
  }

  acknowledgeCumulative(message: Message): Promise<null> {
    return this.acknowledgeCumulativeId(message.getMessageId());
  }

  async acknowledgeCumulativeId(messageId: MessageIdParts): Promise<null> {
    return this.#consumerOf(messageId).acknowledgeCumulativeId(messageId);
  }

  negativeAcknowledge(message: Message): void {
    this.#consumerOf(message.getMessageId()).negativeAcknowledge(message);
  }

  negativeAcknowledgeId(messageId: MessageIdParts): void {
    this.#consumerOf(messageId).negativeAcknowledgeId(messageId);
  }

  async reconsumeLater(message: Message, delayMs: number, properties = {}): Promise<null> {
    this.#mustBeOpen();
    return this.#letters.putOff(message, delayMs, properties);
  }

  async getLastMessageIds(): Promise<MessageId[]> {
    return (await Promise.all(this.#consumers.map((consumer) => consumer.getLastMessageIds()))).flat();
  }

  async seek(messageId: MessageIdParts): Promise<null> {
    const { ledgerId } = messageId;
    const everywhere = ledgerId === earliestMessageId.ledgerId || ledgerId === latestMessageId.ledgerId;
    const consumers = everywhere ? this.#consumers : [this.#consumerOf(messageId)];
    await Promise.all(consumers.map((consumer) => consumer.seek(messageId)));
    return null;
  }

  async seekTimestamp(timestamp: number): Promise<null> {
    await Promise.all(this.#consumers.map((consumer) => consumer.seekTimestamp(timestamp)));
    return null;
  }

  isConnected(): boolean {
    return this.#closing === undefined && this.#consumers.every((consumer) => consumer.isConnected());
  }

  close(): Promise<null> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async unsubscribe(): Promise<null> {
    await Promise.all(this.#consumers.map((consumer) => consumer.unsubscribe()));
    return this.close();
  }

  /** Known before it starts: what comes meanwhile, a dead letter perhaps, is acknowledged by it. */
  async #startOne(consumer: MessageConsumer): Promise<void> {
    this.#mustBeOpen();
    this.#consumers.push(consumer);
    await consumer.start();
  }

  async #close(): Promise<null> {
    this.#core.remove(this);
    this.#delivery.end(new PulsarError('AlreadyClosed', 'the consumer was closed'));
    // What is under way is acknowledged by its consumer.
    await this.#letters.close();
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
    return null;
  }

  /** The topics take turns. */
  #next(): Message | undefined {
    for (let tries = 0; tries < this.#consumers.length; tries++) {
      this.#turn = (this.#turn + 1) % this.#consumers.length;
      const message = this.#consumers[this.#turn]?.next();
      if (message !== undefined) return message;
    }
    return undefined;
  }

  #consumerOf(messageId: MessageIdParts): MessageConsumer {
    const consumer = this.#consumers[this.#retried.has(messageId) ? 1 : 0];
    if (consumer !== undefined) return consumer;
    throw new PulsarError('AlreadyClosed', 'the consumer was closed');
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new PulsarError('AlreadyClosed', 'the consumer was closed');
  }
}
