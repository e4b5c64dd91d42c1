import { withDeadline } from '@pharos/lifecycle';
import type { ClientCore } from '../client-core.ts';
import type { Message } from '../consumer/message.ts';
import type { MessageConsumer } from '../consumer/message-consumer.ts';
import { asPulsarError } from '../errors.ts';
import type { MessageIdParts } from '../message-id.ts';
import { earliestMessageId } from '../wire/index.ts';
import { PartitionReading } from './partition-reading.ts';
import type { Reader } from './reader.ts';

/** A reader is a consumer of a subscription that nobody else has and that ends with it. */
export class ConsumerReader implements Reader {
  readonly #core: ClientCore;
  readonly #consumer: MessageConsumer;
  readonly #reading: PartitionReading;

  constructor(core: ClientCore, consumer: MessageConsumer, begin: MessageIdParts, inclusive: boolean) {
    const [messages] = consumer.partitions;
    if (messages === undefined) throw new RangeError('a reader of no topic');
    this.#core = core;
    this.#consumer = consumer;
    this.#reading = new PartitionReading(messages, begin, inclusive);
  }

  /** @throws PulsarError */
  async start(): Promise<void> {
    await this.#consumer.start();
    await this.#reading.ask();
  }

  async readNext(timeoutMs?: number): Promise<Message> {
    const message = await this.#consumer.receive(timeoutMs);
    // Caught up with what was known; once behind the newest, messages come as they are published.
    if (this.#reading.isNewest(message.getMessageId())) await this.#refresh();
    return message;
  }

  hasNext(): boolean {
    return this.#reading.hasNext() === true;
  }

  async hasMessageAvailable(): Promise<boolean> {
    if (this.hasNext()) return true;
    await this.#reading.ask();
    return this.#known();
  }

  isConnected(): boolean {
    return this.#consumer.isConnected();
  }

  async seek(messageId: MessageIdParts): Promise<null> {
    await this.#consumer.seek(messageId);
    this.#reading.begin(messageId, this.#consumer.parts.seekInclusive);
    await this.#refresh();
    return null;
  }

  async seekTimestamp(timestamp: number): Promise<null> {
    await this.#consumer.seekTimestamp(timestamp);
    this.#reading.begin(earliestMessageId, true);
    await this.#refresh();
    return null;
  }

  close(): Promise<null> {
    return this.#consumer.close();
  }

  /** Where it isn't clear yet whether there is a message to read, waits until it is. @throws PulsarError */
  async #known(): Promise<boolean> {
    const { entries } = this.#reading.messages;
    const what = `the first message of the time that was sought on ${entries.parts.topic}`;
    for (;;) {
      const progress = entries.progress();
      const known = this.#reading.hasNext();
      if (known !== undefined) return known;
      if (entries.closed) throw entries.closedError();
      try {
        await withDeadline(progress, this.#core.operationTimeoutMs, what);
      } catch (error) {
        throw asPulsarError(error, 'Timeout', what);
      }
    }
  }

  /** Where there is no connection at the moment, what is known stays. */
  async #refresh(): Promise<void> {
    await this.#reading
      .ask()
      .then(() => this.#known())
      .catch(() => undefined);
  }
}
