import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import { MessageId, type MessageIdParts } from '../message-id.ts';
import { PartitionWatch } from '../partitions/partition-watch.ts';
import { earliestMessageId, latestMessageId } from '../wire/index.ts';
import type { ChunkLimits } from './chunk-assembly.ts';
import type { Consumer } from './consumer.ts';
import { Delivery } from './delivery.ts';
import type { Message } from './message.ts';
import type { Entry, EntryConsumerEvent } from './entry-consumer.ts';
import { notEnabled } from './letters.ts';
import { PartitionMessages } from './partition-messages.ts';
import { Redelivery } from './redelivery.ts';
import type { RedeliverySettings } from './redelivery-settings.ts';
import type { BatchLimits } from './takers.ts';
import { TopicEntries } from './topic-entries.ts';
import type { TopicEntriesParts } from './topic-entries-parts.ts';

export type PartitionParts = Omit<TopicEntriesParts, 'readable' | 'event' | 'divert' | 'cleared'>;

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
  /** Of a consumer that is a part of another: where its messages are delivered with those of others. */
  readonly sharing?: Sharing | undefined;
}

export interface Sharing {
  readonly delivery: Delivery;
  readonly maxRedeliverCount: number;
  /** Whether a message is taken care of, and not delivered. */
  readonly divert: (message: Message) => boolean;
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
  readonly #delivery: Delivery;
  #turn = 0;
  /** Why it is over. */
  #ended: PulsarError | undefined;

  constructor(core: ClientCore, parts: MessageConsumerParts) {
    this.#core = core;
    this.parts = parts;
    const what = `receiving from '${parts.subscription}' on ${parts.topic}`;
    this.#delivery = parts.sharing?.delivery ?? new Delivery(core, { ...parts, what }, () => this.next());
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
    if (this.parts.sharing === undefined) this.#core.add(this);
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
    const divert = this.parts.sharing?.divert;
    for (let empty = 0; empty < this.#partitions.length; ) {
      const partition = this.#partitions[this.#turn];
      this.#turn = (this.#turn + 1) % this.#partitions.length;
      const message = partition?.messages.next();
      if (message === undefined) {
        empty++;
        continue;
      }
      empty = 0;
      if (divert?.(message) === true) continue;
      partition?.redelivery.handedOver(message.getMessageId(), message.getRedeliveryCount());
      return message;
    }
    return undefined;
  }

  receive(timeoutMs?: number): Promise<Message> {
    return this.#delivery.one(timeoutMs);
  }

  batchReceive(): Promise<Message[]> {
    return this.#delivery.batch();
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

  async reconsumeLater(): Promise<null> {
    this.#mustBeOpen();
    throw notEnabled();
  }

  async getLastMessageIds(): Promise<MessageId[]> {
    this.#mustBeOpen();
    const ask = ({ messages }: Partition): Promise<MessageId> => messages.entries.lastMessageId();
    const what = `asking for the last message of ${this.parts.topic}`;
    return this.#core.untilAnswered(what, () => Promise.all(this.#partitions.map(ask)));
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
      readable: () => this.#delivery.readable(),
      event: (event) => this.#event(event, parts.partition),
      divert: this.parts.sharing && ((entry) => this.#divert(messages, entry)),
      cleared: () => {
        messages.cleared();
        this.#delivery.forget(parts.topic);
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
    this.#delivery.readable();
  }

  /** Nobody may ask for messages any more: what came too often is looked for as it arrives. */
  #divert(partition: PartitionMessages, entry: Entry): boolean {
    const { sharing } = this.parts;
    if (sharing === undefined || entry.redeliveryCount <= sharing.maxRedeliverCount) return false;
    const messages = partition.apart(entry);
    for (const message of messages ?? []) sharing.divert(message);
    return messages !== undefined;
  }

  async #seek(partitions: readonly Partition[], to: MessageIdParts | number): Promise<void> {
    this.#mustBeOpen();
    const { seekInclusive } = this.parts;
    for (const { messages, redelivery } of partitions) {
      redelivery.clear();
      messages.entries.held.hold();
    }
    try {
      const sought = await Promise.allSettled(partitions.map(({ messages }) => messages.seek(to, seekInclusive)));
      for (const [index, one] of sought.entries()) if (one.status === 'fulfilled') partitions[index]?.messages.sought();
      const failure = sought.find((one) => one.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
    } finally {
      for (const { messages } of partitions) messages.entries.held.release();
    }
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
    this.#delivery.end(reason);
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

  #mustBeOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}
