import type { ClientCore } from '../client-core.ts';
import { formatTopicName, parseTopicName, partitionName } from '../topic-name.ts';
import { PartitionedProducer } from './partitioned-producer.ts';
import type { Producer } from './producer.ts';
import type { ProducerConfig } from './producer-config.ts';
import { PartitionRouter } from './router.ts';
import { type ProducerSettings, producerSettings } from './settings.ts';
import { TopicProducer } from './topic-producer.ts';

/** @throws PulsarError */
export async function createProducer(core: ClientCore, config: ProducerConfig): Promise<Producer> {
  const settings = producerSettings(config);
  const name = parseTopicName(config.topic);
  const topic = formatTopicName(name);
  const partitions = name.partition >= 0 ? 0 : await core.partitionsOf(topic);
  if (partitions === 0) return startOne(core, settings, topic, name.partition);
  const producers = Array.from({ length: partitions }, (_, partition) =>
    newProducer(core, settings, partitionName(name, partition), partition, partitions),
  );
  const whole = new PartitionedProducer(topic, producers, new PartitionRouter(settings, partitions), (closed) =>
    core.remove(closed),
  );
  core.add(whole);
  const started = await Promise.allSettled(producers.map((producer) => producer.start()));
  const failure = started.find((outcome) => outcome.status === 'rejected');
  if (failure === undefined) return whole;
  await whole.close();
  throw failure.reason;
}

async function startOne(
  core: ClientCore,
  settings: ProducerSettings,
  topic: string,
  partition: number,
): Promise<Producer> {
  const producer = newProducer(core, settings, topic, partition, 1);
  core.add(producer);
  try {
    await producer.start();
  } catch (error) {
    core.remove(producer);
    throw error;
  }
  return producer;
}

function newProducer(
  core: ClientCore,
  settings: ProducerSettings,
  topic: string,
  partition: number,
  partitions: number,
): TopicProducer {
  const share = Math.max(1, Math.floor(settings.maxPendingMessagesAcrossPartitions / partitions));
  return new TopicProducer(core, {
    topic,
    partition,
    settings,
    maxPendingMessages: partitions === 1 ? settings.maxPendingMessages : Math.min(settings.maxPendingMessages, share),
    maxPendingBytes: Math.max(1, Math.floor(settings.maxPendingBytes / partitions)),
  });
}
