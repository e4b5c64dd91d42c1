import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import { MessageId, type MessageIdParts } from '../message-id.ts';
import { PartitionWatch } from '../partitions/partition-watch.ts';
import { earliestMessageId, latestMessageId } from '../wire/index.ts';
import type { ChunkLimits } from './chunk-assembly.ts';
import type { Consumer } from './consumer.ts';
import type { Message } from './message.ts';
import type { EntryConsumerEvent } from './entry-consumer.ts';
import { PartitionMessages } from './partition-messages.ts';
import { Redelivery } from './redelivery.ts';
import type { RedeliverySettings } from './redelivery-settings.ts';
import { type BatchLimits, Takers } from './takers.ts';
import { TopicEntries, type TopicEntriesParts } from './topic-entries.ts';

/** How many messages a listener gets before others get their turn of the event loop. */
const listenerTurn = 200;

export type PartitionParts = Omit<TopicEntriesParts, 'readable' | 'event' | 'cleared'>;

export interface MessageConsumerParts {
  readonly topic: string;
  readonly subscription: string;
  /** One for a plain topic, else one for each partition. */
  readonly partitions: readonly PartitionParts[];
  /** Of a topic in partitions: one that it gets later, which is received from its first message on. */
  readonly newPartition: ((partition: number) => PartitionParts) | undefined;
  /** Whether the broker spreads messages over consumers, each on its own; else it keeps their order. */
  readonly shared: boolean;
  readonly redelivery: RedeliverySettings;
  readonly batchIndexAcks: boolean;
  readonly chunks: ChunkLimits;
  readonly batch: BatchLimits;
  readonly seekInclusive: boolean;
  readonly listener: ((message: Message) => void) | undefined;
  readonly onActiveChange: ((active: boolean, partition: number) => void) | undefined;
}

interface Partition {
  readonly messages: PartitionMessages;
  readonly redelivery: Redelivery;
}

/** Receives the messages of a topic, whole or in partitions: order is kept within a partition. */
export class MessageConsumer implements Consumer {
  readonly parts: MessageConsumerParts;
  readonly #core: ClientCore;
  readonly #partitions: Partition[];
  readonly #watch: PartitionWatch | undefined;
  readonly #takers: Takers;
  #turn = 0;
  #listening = false;
  /** Why it is over. */
  #ended: PulsarError | undefined;

  constructor(core: ClientCore, parts: MessageConsumerParts) {
    this.#core = core;
    this.parts = parts;
    this.#takers = new Takers(() => this.next());
    this.#partitions = parts.partitions.map((partition) => this.#newPartition(partition));
    const { topic, newPartition } = parts;
    if (newPartition === undefined) return;
    const partitions = parts.partitions.length;
    const grow = (from: number, to: number): Promise<void> =>
      this.#grow(Array.from({ length: to - from }, (_, index) => newPartition(from + index)));
    this.#watch = new PartitionWatch(core, { topic, partitions, grow });
  }

  get partitions(): readonly PartitionMessages[] {
    return this.#partitions.map(({ messages }) => messages);
  }

  /** @throws PulsarError */
  async start(): Promise<void> {
    this.#core.add(this);
    const started = await Promise.allSettled(this.#partitions.map(({ messages }) => messages.entries.start()));
    const failure = started.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined) {
      await this.close();
      throw failure.reason;
    }
    this.#watch?.start();
  }

  /** The next message where one is there; partitions take turns. */
  next(): Message | undefined {
    const { length } = this.#partitions;
    for (let tries = 0; tries < length; tries++) {
      const partition = this.#partitions[this.#turn];
      this.#turn = (this.#turn + 1) % length;
      const message = partition?.messages.next();
      if (message === undefined) continue;
      partition?.redelivery.handedOver(message.getMessageId(), message.getRedeliveryCount());
      return message;
    }
    return undefined;
  }

  async receive(timeoutMs?: number): Promise<Message> {
    this.#mustReceive();
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      throw new PulsarError('InvalidConfiguration', `timeout of ${timeoutMs} ms, expected 0 or more`);
    }
    return this.#takers.one(timeoutMs, `receiving from '${this.parts.subscription}' on ${this.parts.topic}`);
  }

  async batchReceive(): Promise<Message[]> {
    this.#mustReceive();
    return this.#takers.batch(this.parts.batch);
  }

  acknowledge(message: Message): Promise<null> {
    return this.acknowledgeId(message.getMessageId());
  }

  async acknowledgeId(messageId: MessageIdParts): Promise<null> {
    const { messages, redelivery } = this.#partitionOf(messageId);
    return messages.acknowledge(messageId, (whole) => redelivery.acknowledged(messageId, whole));
  }

  acknowledgeCumulative(message: Message): Promise<null> {
    return this.acknowledgeCumulativeId(message.getMessageId());
  }

  async acknowledgeCumulativeId(messageId: MessageIdParts): Promise<null> {
    if (this.parts.shared) {
      throw new PulsarError(
        'CumulativeAcknowledgementNotAllowedError',
        'a Shared or KeyShared subscription has no order over all, and so no cumulative acknowledgement',
      );
    }
    const { messages, redelivery } = this.#partitionOf(messageId);
    const done = messages.acknowledgeCumulative(messageId);
    redelivery.acknowledgedUpTo(messageId);
    return done;
  }

  negativeAcknowledge(message: Message): void {
    const messageId = message.getMessageId();
    this.#partitionOf(messageId).redelivery.refuse(messageId, message.getRedeliveryCount());
  }

  negativeAcknowledgeId(messageId: MessageIdParts): void {
    this.#partitionOf(messageId).redelivery.refuse(messageId, 0);
  }

  async getLastMessageIds(): Promise<MessageId[]> {
    return Promise.all(this.#partitions.map(({ messages }) => messages.entries.lastMessageId()));
  }

  async seek(messageId: MessageIdParts): Promise<null> {
    await this.seekTo(messageId);
    return null;
  }

  /** As `seek`; says which partitions it set. */
  async seekTo(messageId: MessageIdParts): Promise<readonly PartitionMessages[]> {
    const { ledgerId } = messageId;
    const everywhere = ledgerId === earliestMessageId.ledgerId || ledgerId === latestMessageId.ledgerId;
    const partitions = everywhere ? [...this.#partitions] : [this.#partitionOf(messageId)];
    await this.#seek(partitions, messageId);
    return partitions.map(({ messages }) => messages);
  }

  async seekTimestamp(timestamp: number): Promise<null> {
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
      throw new PulsarError('InvalidConfiguration', `seekTimestamp(${timestamp}): expected milliseconds since 1970`);
    }
    await this.#seek(this.#partitions, timestamp);
    return null;
  }

  isConnected(): boolean {
    return this.#ended === undefined && this.#partitions.every(({ messages }) => messages.entries.connected);
  }

  async close(): Promise<null> {
    await this.#end(new PulsarError('AlreadyClosed', `the consumer of ${this.parts.topic} was closed`));
    return null;
  }

  async unsubscribe(): Promise<null> {
    this.#mustBeOpen();
    await Promise.all(this.#partitions.map(({ messages }) => messages.entries.unsubscribe()));
    return this.close();
  }

  #newPartition(parts: MessageConsumerParts['partitions'][number]): Partition {
    const entries = new TopicEntries(this.#core, {
      ...parts,
      readable: () => this.#readable(),
      event: (event) => this.#event(event, parts.partition),
      cleared: () => {
        messages.cleared();
        this.#takers.forget(parts.partition);
        // All that is unacknowledged comes again now.
        redelivery.clear();
      },
    });
    const messages = new PartitionMessages(entries, this.parts.batchIndexAcks, this.parts.chunks, this.#core.logger);
    const redelivery = new Redelivery(this.parts.redelivery, (ids) => {
      if (this.parts.shared) entries.redeliver(ids.flatMap((id) => messages.entriesOf(id)));
      else entries.redeliverAll();
    });
    return { messages, redelivery };
  }

  async #grow(parts: readonly PartitionParts[]): Promise<void> {
    const added = parts.map((partition) => this.#newPartition(partition));
    const started = await Promise.allSettled(added.map(({ messages }) => messages.entries.start()));
    const failure = started.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined || this.#ended !== undefined) {
      await Promise.all(added.map(({ messages }) => messages.entries.close()));
      throw failure?.reason ?? this.#ended;
    }
    this.#partitions.push(...added);
    // They may have messages already, which nobody looked for.
    this.#readable();
  }

  async #seek(partitions: readonly Partition[], to: MessageIdParts | number): Promise<void> {
    this.#mustBeOpen();
    const { seekInclusive } = this.parts;
    for (const { redelivery } of partitions) redelivery.clear();
    await Promise.all(partitions.map(({ messages }) => messages.seek(to, seekInclusive)));
  }

  #readable(): void {
    if (this.parts.listener === undefined) this.#takers.pump();
    else if (!this.#listening) {
      this.#listening = true;
      setImmediate(() => this.#listen());
    }
  }

  #listen(): void {
    const { listener } = this.parts;
    for (let count = 0; count < listenerTurn && this.#ended === undefined; count++) {
      const message = this.next();
      if (message === undefined || listener === undefined) {
        this.#listening = false;
        return;
      }
      this.#core.callOut(() => listener(message));
    }
    // Once it is over nobody takes messages any more: to go on looking for them would keep the process running for ever.
    if (this.#ended === undefined) setImmediate(() => this.#listen());
  }

  #event(event: EntryConsumerEvent, partition: number): void {
    const { onActiveChange } = this.parts;
    if (event.type === 'connected' && event.session > 1) this.#watch?.check();
    if (event.type === 'active' && onActiveChange !== undefined) {
      this.#core.callOut(() => onActiveChange(event.active, Math.max(0, partition)));
    }
    if (event.type !== 'closed' || event.error === undefined) return;
    this.#end(event.error).catch((error: unknown) => this.#core.logger.debug({ err: error }, 'not closed cleanly'));
  }

  async #end(reason: PulsarError): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#core.remove(this);
    this.#watch?.stop();
    this.#takers.fail(reason);
    for (const { redelivery } of this.#partitions) redelivery.clear();
    await Promise.all(this.#partitions.map(({ messages }) => messages.entries.close()));
  }

  #partitionOf(messageId: MessageIdParts): Partition {
    this.#mustBeOpen();
    const wanted = messageId.partition ?? -1;
    const only = this.#partitions.length === 1 ? this.#partitions[0] : undefined;
    const found = only ?? this.#partitions.find(({ messages }) => messages.entries.parts.partition === wanted);
    if (found !== undefined) return found;
    const text = `message id ${MessageId.of(messageId).toString()} is of no partition of ${this.parts.topic}`;
    throw new PulsarError('InvalidMessage', text);
  }

  #mustReceive(): void {
    this.#mustBeOpen();
    if (this.parts.listener !== undefined) {
      throw new PulsarError('InvalidConfiguration', 'a consumer that has a listener can not receive by itself');
    }
  }

  #mustBeOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}
