import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import type { MessageId } from '../message-id.ts';
import { PartitionWatch } from '../partitions/partition-watch.ts';
import type { PartitionRouter } from './router.ts';
import type { Producer } from './producer.ts';
import type { ProducerMessage } from './producer-config.ts';
import type { TopicProducer } from './topic-producer.ts';

export interface PartitionedProducerParts {
  /** Full name of the whole topic. */
  readonly topic: string;
  readonly partitions: number;
  readonly router: PartitionRouter;
  readonly newProducer: (partition: number) => TopicProducer;
  /** How many partitions there are from now on. */
  readonly grown: (partitions: number) => void;
}

/** Publishes to a partitioned topic by a producer for each partition. */
export class PartitionedProducer implements Producer {
  readonly #core: ClientCore;
  readonly #parts: PartitionedProducerParts;
  readonly #watch: PartitionWatch;
  #producers: readonly TopicProducer[];
  #closed = false;

  constructor(core: ClientCore, parts: PartitionedProducerParts) {
    this.#core = core;
    this.#parts = parts;
    this.#producers = Array.from({ length: parts.partitions }, (_, partition) => parts.newProducer(partition));
    const { topic, partitions } = parts;
    this.#watch = new PartitionWatch(core, { topic, partitions, grow: (from, to) => this.#grow(from, to) });
  }

  /** @throws PulsarError */
  async start(): Promise<void> {
    this.#core.add(this);
    try {
      await startAll(this.#producers);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#watch.start();
  }

  async send(message: ProducerMessage): Promise<MessageId> {
    const producer = this.#producers[this.#parts.router.partitionOf(message)];
    if (producer === undefined) throw new RangeError('the router chose a partition that is not there');
    return producer.send(message);
  }

  async flush(): Promise<null> {
    await Promise.all(this.#producers.map((producer) => producer.flush()));
    return null;
  }

  async close(): Promise<null> {
    this.#closed = true;
    this.#watch.stop();
    await Promise.all(this.#producers.map((producer) => producer.close()));
    this.#core.remove(this);
    return null;
  }

  getProducerName(): string {
    return this.#producers[0]?.getProducerName() ?? '';
  }

  getTopic(): string {
    return this.#parts.topic;
  }

  isConnected(): boolean {
    return this.#producers.every((producer) => producer.isConnected());
  }

  getFailure(): PulsarError | undefined {
    return this.#producers.map((producer) => producer.getFailure()).find((failure) => failure !== undefined);
  }

  /** A connection of one of its partitions was lost and is back. */
  reconnected(): void {
    this.#watch.check();
  }

  /** Messages are routed to new partitions once all of these can take them. */
  async #grow(from: number, to: number): Promise<void> {
    const added = Array.from({ length: to - from }, (_, index) => this.#parts.newProducer(from + index));
    try {
      await startAll(added);
      if (this.#closed) throw new PulsarError('AlreadyClosed', `the producer of ${this.#parts.topic} was closed`);
    } catch (error) {
      await Promise.all(added.map((producer) => producer.close()));
      throw error;
    }
    this.#producers = [...this.#producers, ...added];
    this.#parts.router.grow(to);
    this.#parts.grown(to);
  }
}

/** Waits for all, then throws what was wrong with the first that failed. */
async function startAll(producers: readonly TopicProducer[]): Promise<void> {
  const started = await Promise.allSettled(producers.map((producer) => producer.start()));
  const failure = started.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
