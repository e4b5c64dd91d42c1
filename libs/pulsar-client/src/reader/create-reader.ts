import type { ClientCore } from '../client-core.ts';
import { defaultChunkLimits } from '../consumer/chunk-assembly.ts';
import { FlowPool } from '../consumer/flow.ts';
import { MessageConsumer, type PartitionParts } from '../consumer/message-consumer.ts';
import { noRedelivery } from '../consumer/redelivery-settings.ts';
import { entryToBeginAt } from '../consumer/partition-messages.ts';
import { StartPosition } from '../consumer/start-position.ts';
import { madeUpName } from '../consumer/subscription.ts';
import { integer, mustHold, refuseUnknown, type Unsupported } from '../options.ts';
import { formatTopicName, parseTopicName, partitionName } from '../topic-name.ts';
import { earliestMessageId, latestMessageId, subType } from '../wire/index.ts';
import { ConsumerReader } from './consumer-reader.ts';
import type { Reader, ReaderConfig } from './reader.ts';

const kind = 'ReaderConfig';

const supported: readonly (keyof ReaderConfig)[] = [
  'topic',
  'startMessageId',
  'startMessageIdInclusive',
  'receiverQueueSize',
  'receiverQueueBytes',
  'readerName',
  'subscriptionRolePrefix',
  'readCompacted',
  'listener',
];

const encryption: Unsupported = { why: 'is not supported: messages are not encrypted end to end yet' };

const unsupported: Readonly<Record<string, Unsupported>> = {
  privateKeyPath: encryption,
  cryptoFailureAction: { ...encryption, accepted: ['FAIL'] },
};

/** @throws PulsarError */
export async function createReader(core: ClientCore, config: ReaderConfig): Promise<Reader> {
  refuseUnknown(kind, config, supported, unsupported);
  const { startMessageId, startMessageIdInclusive: inclusive = false, listener } = config;
  const name = parseTopicName(config.topic);
  const topic = formatTopicName(name);
  const window = integer(kind, 'receiverQueueSize', config.receiverQueueSize, 1000, 1);
  const maxBytes = integer(kind, 'receiverQueueBytes', config.receiverQueueBytes, 32 * 1024 * 1024, 1);
  const pool = new FlowPool({ maxMessages: 50_000, maxBytes });
  const partitions = name.partition >= 0 ? 0 : await core.partitionsOf(topic);
  const anywhere =
    startMessageId.ledgerId === earliestMessageId.ledgerId || startMessageId.ledgerId === latestMessageId.ledgerId;
  mustHold(
    kind,
    partitions === 0 || anywhere,
    `startMessageId is a message of one partition, and topic ${topic} has ${partitions}: expected earliest or latest, or the topic of a partition as ${partitionName(name, 0)}`,
  );
  const subscription = `${config.subscriptionRolePrefix ?? 'reader'}-${madeUpName()}`;
  const command = {
    subType: subType.exclusive,
    consumerName: config.readerName ?? madeUpName(),
    durable: false,
    metadata: [],
    readCompacted: config.readCompacted ?? false,
  };
  const partitionFrom = (partition: number, start: StartPosition): PartitionParts => {
    const ofTopic = partitions === 0 ? topic : partitionName(name, partition);
    return { topic: ofTopic, partition, subscription, command, start, window, pool };
  };
  // The broker begins with whole entries; the messages in the first one are sorted out here.
  const first = entryToBeginAt(startMessageId, inclusive);
  const begin = (): StartPosition => new StartPosition(first.id, first.inclusive);
  const consumer = new MessageConsumer(core, {
    topic,
    subscription,
    partitions:
      partitions === 0
        ? [partitionFrom(name.partition, begin())]
        : Array.from({ length: partitions }, (_, partition) => partitionFrom(partition, begin())),
    newPartition:
      partitions === 0
        ? undefined
        : (partition) => partitionFrom(partition, new StartPosition(earliestMessageId, true)),
    shared: false,
    redelivery: noRedelivery,
    batchIndexAcks: false,
    chunks: defaultChunkLimits,
    batch: { maxMessages: 1, maxBytes: 1, timeoutMs: 1 },
    seekInclusive: inclusive,
    listener: listener === undefined ? undefined : (message) => listener(message, reader),
    onActiveChange: undefined,
  });
  const reader: ConsumerReader = new ConsumerReader(core, consumer, startMessageId, inclusive);
  await reader.start();
  return reader;
}
