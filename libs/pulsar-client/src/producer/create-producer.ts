import type { ClientCore } from '../client-core.ts';
import { formatTopicName, parseTopicName, partitionName } from '../topic-name.ts';
import type { BudgetOptions } from './budget.ts';
import { PartitionedProducer } from './partitioned-producer.ts';
import type { Producer } from './producer.ts';
import type { ProducerConfig } from './producer-config.ts';
import { PartitionRouter } from './router.ts';
import { type ProducerSettings, producerSettings } from './settings.ts';
import { TopicProducer } from './topic-producer.ts';

/**
 * @param initialSubscriptionName made with the topic where there is none yet
 * @throws PulsarError
 */
export async function createProducer(
  core: ClientCore,
  config: ProducerConfig,
  initialSubscriptionName?: string,
): Promise<Producer> {
  const settings = { ...producerSettings(config), initialSubscriptionName };
  const name = parseTopicName(config.topic);
  const topic = formatTopicName(name);
  const partitions = name.partition >= 0 ? 0 : await core.partitionsOf(topic);
  if (partitions === 0) return startOne(core, settings, topic, name.partition);
  const room = new SharedRoom(settings, partitions);
  const whole: PartitionedProducer = new PartitionedProducer(core, {
    topic,
    partitions,
    router: new PartitionRouter(settings, partitions),
    newProducer: (partition) =>
      new TopicProducer(core, {
        topic: partitionName(name, partition),
        partition,
        settings: {
          ...settings,
          connectionListener: (connected) => {
            if (connected) whole.reconnected();
            settings.connectionListener?.(connected, partition);
          },
        },
        room,
      }),
    grown: (count) => room.divide(count),
  });
  await whole.start();
  return whole;
}

async function startOne(
  core: ClientCore,
  settings: ProducerSettings,
  topic: string,
  partition: number,
): Promise<Producer> {
  const producer = new TopicProducer(core, { topic, partition, settings, room: new SharedRoom(settings, 1) });
  core.add(producer);
  try {
    await producer.start();
  } catch (error) {
    core.remove(producer);
    throw error;
  }
  return producer;
}

/** What each partition's messages may take up until they are acknowledged; smaller as there are more partitions. */
class SharedRoom implements BudgetOptions {
  readonly blocking: boolean;
  readonly #settings: ProducerSettings;
  #partitions: number;

  constructor(settings: ProducerSettings, partitions: number) {
    this.#settings = settings;
    this.#partitions = partitions;
    this.blocking = settings.blockIfQueueFull;
  }

  get maxMessages(): number {
    const { maxPendingMessages, maxPendingMessagesAcrossPartitions } = this.#settings;
    if (this.#partitions === 1) return maxPendingMessages;
    return Math.min(maxPendingMessages, Math.max(1, Math.floor(maxPendingMessagesAcrossPartitions / this.#partitions)));
  }

  get maxBytes(): number {
    return Math.max(1, Math.floor(this.#settings.maxPendingBytes / this.#partitions));
  }

  divide(partitions: number): void {
    this.#partitions = partitions;
  }
}
