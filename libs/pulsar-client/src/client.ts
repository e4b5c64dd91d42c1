import type { ClientConfig } from './client-config.ts';
import type { Consumer } from './consumer/consumer.ts';
import type { ConsumerConfig } from './consumer/consumer-config.ts';
import type { EntryConsumer, EntryConsumerConfig } from './consumer/entry-consumer.ts';
import type { Producer } from './producer/producer.ts';
import type { ProducerConfig } from './producer/producer-config.ts';
import type { Reader, ReaderConfig } from './reader/reader.ts';

export declare class Client {
  constructor(config: ClientConfig);
  createProducer(config: ProducerConfig): Promise<Producer>;
  subscribe(config: ConsumerConfig): Promise<Consumer>;
  createReader(config: ReaderConfig): Promise<Reader>;
  subscribeEntries(config: EntryConsumerConfig): Promise<EntryConsumer>;
  getPartitionsForTopic(topic: string): Promise<string[]>;
  close(): Promise<null>;
}
