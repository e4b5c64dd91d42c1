import { withDeadline } from '@pharos/lifecycle';
import type { ClientCore } from '../client-core.ts';
import type { Message } from '../consumer/message.ts';
import type { MessageConsumer } from '../consumer/message-consumer.ts';
import type { PartitionMessages } from '../consumer/partition-messages.ts';
import { asPulsarError } from '../errors.ts';
import type { MessageIdParts } from '../message-id.ts';
import { earliestMessageId } from '../wire/index.ts';
import { PartitionReading } from './partition-reading.ts';
import type { Reader } from './reader.ts';

/** A reader is a consumer of a subscription that nobody else has and that ends with it. */
export class ConsumerReader implements Reader {
  readonly #core: ClientCore;
  readonly #consumer: MessageConsumer;
  readonly #readings = new Map<PartitionMessages, PartitionReading>();

  constructor(core: ClientCore, consumer: MessageConsumer, begin: MessageIdParts, inclusive: boolean) {
    this.#core = core;
    this.#consumer = consumer;
    for (const messages of consumer.partitions) {
      this.#readings.set(messages, new PartitionReading(messages, begin, inclusive));
    }
  }

  /** @throws PulsarError */
  async start(): Promise<void> {
    await this.#consumer.start();
    try {
      await this.#ask();
    } catch (error) {
      await this.#consumer.close();
      throw error;
    }
  }

  async readNext(timeoutMs?: number): Promise<Message> {
    const message = await this.#consumer.receive(timeoutMs);
    const id = message.getMessageId();
    const reading = this.#of(id);
    // Caught up with what was known; once behind the newest, messages come as they are published.
    if (reading?.isNewest(id) === true) await this.#refresh([reading]);
    return message;
  }

  hasNext(): boolean {
    return this.#all().some((reading) => reading.hasNext() === true);
  }

  async hasMessageAvailable(): Promise<boolean> {
    if (this.hasNext()) return true;
    await this.#ask();
    return this.#known(this.#all());
  }

  isConnected(): boolean {
    return this.#consumer.isConnected();
  }

  async seek(messageId: MessageIdParts): Promise<null> {
    const partitions = await this.#consumer.seekTo(messageId);
    this.#begin(partitions, messageId, this.#consumer.parts.seekInclusive);
    await this.#refresh(this.#all());
    return null;
  }

  async seekTimestamp(timestamp: number): Promise<null> {
    await this.#consumer.seekTimestamp(timestamp);
    this.#begin(this.#consumer.partitions, earliestMessageId, true);
    await this.#refresh(this.#all());
    return null;
  }

  close(): Promise<null> {
    return this.#consumer.close();
  }

  /** Asks how far there is something to read, again where the connection is lost meanwhile. @throws PulsarError */
  #ask(): Promise<void> {
    const what = `asking for the last message of ${this.#consumer.parts.topic}`;
    return this.#core.untilAnswered(what, () => askAll(this.#all()));
  }

  #begin(partitions: readonly PartitionMessages[], id: MessageIdParts, inclusive: boolean): void {
    for (const messages of partitions) this.#readingOf(messages).begin(id, inclusive);
  }

  /** Where it isn't clear yet whether there is a message to read, waits until it is. @throws PulsarError */
  async #known(readings: readonly PartitionReading[]): Promise<boolean> {
    for (;;) {
      // Asked for before it is looked at: what comes meanwhile counts.
      const progress = readings.map(({ messages }) => messages.entries.progress());
      const known = readings.map((reading) => reading.hasNext());
      if (known.includes(true)) return true;
      const unclear = readings.filter((_, index) => known[index] === undefined);
      const [first] = unclear;
      if (first === undefined) return false;
      const { entries } = first.messages;
      if (entries.closed) throw entries.closedError();
      const what = `the first message of the time that was sought on ${entries.parts.topic}`;
      try {
        await withDeadline(Promise.race(progress), this.#core.operationTimeoutMs, what);
      } catch (error) {
        throw asPulsarError(error, 'Timeout', what);
      }
    }
  }

  /** Where there is no connection at the moment, what is known stays. */
  async #refresh(readings: readonly PartitionReading[]): Promise<void> {
    await askAll(readings)
      .then(() => this.#known(readings))
      .catch(() => undefined);
  }

  #all(): readonly PartitionReading[] {
    return this.#consumer.partitions.map((messages) => this.#readingOf(messages));
  }

  #of(id: MessageIdParts): PartitionReading | undefined {
    for (const reading of this.#readings.values()) {
      if (this.#readings.size === 1 || reading.messages.entries.parts.partition === id.partition) return reading;
    }
    return undefined;
  }

  /** A partition that the topic got later is read from its first message on. */
  #readingOf(messages: PartitionMessages): PartitionReading {
    let reading = this.#readings.get(messages);
    if (reading === undefined) {
      reading = new PartitionReading(messages, earliestMessageId, true);
      this.#readings.set(messages, reading);
    }
    return reading;
  }
}

async function askAll(readings: readonly PartitionReading[]): Promise<void> {
  await Promise.all(readings.map((reading) => reading.ask()));
}
