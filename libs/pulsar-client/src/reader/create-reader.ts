import type { ClientCore } from '../client-core.ts';
import { FlowPool } from '../consumer/flow.ts';
import { MessageConsumer } from '../consumer/message-consumer.ts';
import { noRedelivery } from '../consumer/redelivery-settings.ts';
import { StartPosition } from '../consumer/start-position.ts';
import { madeUpName } from '../consumer/subscription.ts';
import { integer, mustHold, refuseUnknown, type Unsupported } from '../options.ts';
import { formatTopicName, parseTopicName, partitionName } from '../topic-name.ts';
import { subType } from '../wire/index.ts';
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
  mustHold(kind, partitions === 0, `topic ${topic} has ${partitions} partitions, name one: ${partitionName(name, 0)}`);
  const subscription = `${config.subscriptionRolePrefix ?? 'reader'}-${madeUpName()}`;
  const command = {
    subType: subType.exclusive,
    consumerName: config.readerName ?? madeUpName(),
    durable: false,
    metadata: [],
    readCompacted: config.readCompacted ?? false,
  };
  // The broker begins with whole entries; the messages in the first one are sorted out here.
  const start = new StartPosition(startMessageId, inclusive || (startMessageId.batchIndex ?? -1) >= 0);
  const consumer = new MessageConsumer(core, {
    topic,
    subscription,
    partitions: [{ topic, partition: name.partition, subscription, command, start, window, pool }],
    shared: false,
    redelivery: noRedelivery,
    batchIndexAcks: false,
    batch: { maxMessages: 1, maxBytes: 1, timeoutMs: 1 },
    seekInclusive: inclusive,
    listener: listener === undefined ? undefined : (message) => listener(message, reader),
    onActiveChange: undefined,
  });
  const reader: ConsumerReader = new ConsumerReader(core, consumer, startMessageId, inclusive);
  await reader.start();
  return reader;
}
