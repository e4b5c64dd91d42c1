import type { ClientConfig } from './client-config.ts';
import { ClientCore } from './client-core.ts';
import { clientSettings } from './client-settings.ts';
import type { Consumer } from './consumer/consumer.ts';
import type { ConsumerConfig } from './consumer/consumer-config.ts';
import type { EntryConsumer, EntryConsumerConfig } from './consumer/entry-consumer.ts';
import { subscribe } from './consumer/subscribe.ts';
import { subscribeEntries } from './consumer/subscribe-entries.ts';
import { PulsarError } from './errors.ts';
import { createProducer } from './producer/create-producer.ts';
import type { Producer } from './producer/producer.ts';
import type { ProducerConfig } from './producer/producer-config.ts';
import { createReader } from './reader/create-reader.ts';
import type { Reader, ReaderConfig } from './reader/reader.ts';
import { formatTopicName, parseTopicName, partitionName } from './topic-name.ts';

/**
 * A client of one Pulsar cluster. Connects when it is first used; the connections are shared by all that is made of it.
 *
 * Each call that makes something tries until `operationTimeoutSeconds` are over where that can help, then throws the last
 * reason why not.
 */
export class Client {
  readonly #core: ClientCore;

  /** @throws PulsarError `InvalidConfiguration`, `InvalidUrl` */
  constructor(config: ClientConfig) {
    this.#core = new ClientCore(clientSettings(config));
  }

  /** @throws PulsarError `ProducerBusy` where another producer has the name, `InvalidConfiguration`, `ConnectError`, … */
  async createProducer(config: ProducerConfig): Promise<Producer> {
    this.#mustBeOpen();
    return createProducer(this.#core, config);
  }

  /** @throws PulsarError `ConsumerBusy` where another consumer excludes this one, `InvalidConfiguration`, … */
  async subscribe(config: ConsumerConfig): Promise<Consumer> {
    this.#mustBeOpen();
    return subscribe(this.#core, config);
  }

  /** @throws PulsarError */
  async createReader(config: ReaderConfig): Promise<Reader> {
    this.#mustBeOpen();
    return createReader(this.#core, config);
  }

  /** Follows one plain topic or partition, whole entries at a time. @throws PulsarError as `subscribe` */
  async subscribeEntries(config: EntryConsumerConfig): Promise<EntryConsumer> {
    this.#mustBeOpen();
    return subscribeEntries(this.#core, config);
  }

  /** Full names of the topic's partitions; of a topic that has none, its own. @throws PulsarError */
  async getPartitionsForTopic(topic: string): Promise<string[]> {
    this.#mustBeOpen();
    const name = parseTopicName(topic);
    const partitions = await this.#core.partitionsOf(formatTopicName(name));
    if (partitions === 0) return [formatTopicName(name)];
    return Array.from({ length: partitions }, (_, partition) => partitionName(name, partition));
  }

  /**
   * Closes everything that was made of it, then the connections.
   *
   * @param timeoutMs for messages that are still on their way; then they fail. @default as long as their `sendTimeoutMs`
   */
  async close(timeoutMs?: number): Promise<null> {
    await this.#core.close(timeoutMs);
    return null;
  }

  #mustBeOpen(): void {
    if (this.#core.closed) throw new PulsarError('AlreadyClosed', 'the client was closed');
  }
}
