import type { PulsarError } from '../errors.ts';
import type { MessageId } from '../message-id.ts';
import type { PartitionRouter } from './router.ts';
import type { Producer } from './producer.ts';
import type { ProducerMessage } from './producer-config.ts';
import type { TopicProducer } from './topic-producer.ts';

/** Publishes to a partitioned topic by a producer for each partition. */
export class PartitionedProducer implements Producer {
  readonly #topic: string;
  readonly #producers: readonly TopicProducer[];
  readonly #router: PartitionRouter;
  readonly #onClosed: (producer: PartitionedProducer) => void;

  constructor(
    topic: string,
    producers: readonly TopicProducer[],
    router: PartitionRouter,
    onClosed: (producer: PartitionedProducer) => void,
  ) {
    this.#topic = topic;
    this.#producers = producers;
    this.#router = router;
    this.#onClosed = onClosed;
  }

  async send(message: ProducerMessage): Promise<MessageId> {
    const producer = this.#producers[this.#router.partitionOf(message)];
    if (producer === undefined) throw new RangeError('the router chose a partition that is not there');
    return producer.send(message);
  }

  async flush(): Promise<null> {
    await Promise.all(this.#producers.map((producer) => producer.flush()));
    return null;
  }

  async close(): Promise<null> {
    await Promise.all(this.#producers.map((producer) => producer.close()));
    this.#onClosed(this);
    return null;
  }

  getProducerName(): string {
    return this.#producers[0]?.getProducerName() ?? '';
  }

  getTopic(): string {
    return this.#topic;
  }

  isConnected(): boolean {
    return this.#producers.every((producer) => producer.isConnected());
  }

  getFailure(): PulsarError | undefined {
    return this.#producers.map((producer) => producer.getFailure()).find((failure) => failure !== undefined);
  }
}
