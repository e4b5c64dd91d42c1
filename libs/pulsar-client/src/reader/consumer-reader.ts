import type { Message } from '../consumer/message.ts';
import type { MessageConsumer } from '../consumer/message-consumer.ts';
import type { PartitionMessages } from '../consumer/partition-messages.ts';
import type { MessageId, MessageIdParts } from '../message-id.ts';
import { latestMessageId } from '../wire/index.ts';
import type { Reader } from './reader.ts';

/** A reader is a consumer of a subscription that nobody else has and that ends with it. */
export class ConsumerReader implements Reader {
  readonly #consumer: MessageConsumer;
  /** Where it begins, as long as nothing was read. */
  #begin: MessageIdParts | undefined;
  #inclusive: boolean;
  /** The newest message of the topic when it was last asked for. */
  #newest: MessageId | undefined;

  constructor(consumer: MessageConsumer, begin: MessageIdParts, inclusive: boolean) {
    this.#consumer = consumer;
    this.#begin = begin;
    this.#inclusive = inclusive;
    this.#messages().beginAt(begin, inclusive);
  }

  /** @throws PulsarError */
  async start(): Promise<void> {
    await this.#consumer.start();
    await this.#askNewest();
  }

  async readNext(timeoutMs?: number): Promise<Message> {
    const message = await this.#consumer.receive(timeoutMs);
    // Caught up with what was known; once behind the newest, messages come as they are published.
    if (this.#newest !== undefined && compare(message.getMessageId(), this.#newest) === 0) await this.#refresh();
    return message;
  }

  hasNext(): boolean {
    return this.#messages().hasNext() || this.#isBeforeNewest();
  }

  async hasMessageAvailable(): Promise<boolean> {
    if (this.#messages().hasNext()) return true;
    await this.#askNewest();
    return this.#isBeforeNewest();
  }

  isConnected(): boolean {
    return this.#consumer.isConnected();
  }

  async seek(messageId: MessageIdParts): Promise<null> {
    this.#begin = messageId;
    this.#inclusive = this.#consumer.parts.seekInclusive;
    await this.#consumer.seek(messageId);
    await this.#refresh();
    return null;
  }

  async seekTimestamp(timestamp: number): Promise<null> {
    await this.#consumer.seekTimestamp(timestamp);
    // Whether anything is as new as that shows when it comes.
    this.#begin = latestMessageId;
    this.#inclusive = false;
    return null;
  }

  close(): Promise<null> {
    return this.#consumer.close();
  }

  #isBeforeNewest(): boolean {
    const newest = this.#newest;
    if (newest === undefined || newest.entryId < 0n) return false;
    const { position } = this.#messages();
    if (position !== undefined) return compare(position, newest) < 0;
    if (this.#begin === undefined) return false;
    if (this.#begin.ledgerId === latestMessageId.ledgerId) return this.#inclusive;
    const order = compare(this.#begin, newest);
    return order < 0 || (order === 0 && this.#inclusive);
  }

  async #askNewest(): Promise<void> {
    [this.#newest] = await this.#consumer.getLastMessageIds();
  }

  /** Where there is no connection at the moment, what is known stays. */
  async #refresh(): Promise<void> {
    await this.#askNewest().catch(() => undefined);
  }

  #messages(): PartitionMessages {
    const [messages] = this.#consumer.partitions;
    if (messages === undefined) throw new RangeError('a reader of no topic');
    return messages;
  }
}

/** Without a batch index an id stands for its whole entry. */
function compare(a: MessageIdParts, b: MessageIdParts): number {
  if (a.ledgerId !== b.ledgerId) return a.ledgerId < b.ledgerId ? -1 : 1;
  if (a.entryId !== b.entryId) return a.entryId < b.entryId ? -1 : 1;
  const [first = -1, second = -1] = [a.batchIndex, b.batchIndex];
  return first < 0 || second < 0 ? 0 : first - second;
}
