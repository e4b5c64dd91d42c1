import type { ClientCore } from '../client-core.ts';
import {
  integer,
  keyValues,
  maxTimerMs,
  milliseconds,
  mustHold,
  oneOf,
  refuseUnknown,
  text,
  type Unsupported,
} from '../options.ts';
import { formatTopicName, parseTopicName, partitionName, type TopicName } from '../topic-name.ts';
import { type ChunkLimits, defaultChunkLimits } from './chunk-assembly.ts';
import type { Consumer } from './consumer.ts';
import type { ConsumerConfig } from './consumer-config.ts';
import { ackSettings } from './ack-settings.ts';
import { FlowPool } from './flow.ts';
import { keySharedMeta } from './key-shared.ts';
import { type LetterSettings, letterSettings } from './dead-letter-policy.ts';
import { LetterConsumer, type LetterConsumerParts } from './letter-consumer.ts';
import { MessageConsumer, type MessageConsumerParts, type PartitionParts, type Sharing } from './message-consumer.ts';
import { redeliverySettings } from './redelivery-settings.ts';
import { initialPositions, madeUpName, subscriptionTypes } from './subscription.ts';
import type { BatchLimits } from './takers.ts';

const kind = 'ConsumerConfig';

const supported: readonly (keyof ConsumerConfig)[] = [
  'topic',
  'subscription',
  'subscriptionType',
  'subscriptionInitialPosition',
  'nAckRedeliverTimeoutMs',
  'receiverQueueSize',
  'receiverQueueSizeAcrossPartitions',
  'receiverQueueBytes',
  'consumerName',
  'properties',
  'listener',
  'readCompacted',
  'startMessageIdInclusive',
  'batchReceivePolicy',
  'replicateSubscriptionState',
  'keySharedPolicy',
  'batchIndexAckEnabled',
  'ackTimeoutMs',
  'negativeAckRedeliveryBackoff',
  'ackTimeoutRedeliveryBackoff',
  'ackGroupingTimeMs',
  'ackGroupingMaxSize',
  'ackReceiptEnabled',
  'maxPendingChunkedMessage',
  'maxPendingChunkedMessageBytes',
  'autoAckOldestChunkedMessageOnQueueFull',
  'expireTimeOfIncompleteChunkedMessageMs',
  'deadLetterPolicy',
  'retryEnable',
  'onActiveChange',
];

const encryption: Unsupported = { why: 'is not supported: messages are not encrypted end to end yet' };
const severalTopics: Unsupported = { why: "is not supported yet: a consumer has one 'topic'" };

const unsupported: Readonly<Record<string, Unsupported>> = {
  topics: severalTopics,
  topicsPattern: severalTopics,
  regexSubscriptionMode: severalTopics,
  privateKeyPath: encryption,
  cryptoKeyReader: encryption,
  cryptoFailureAction: { ...encryption, accepted: ['FAIL'] },
  schema: { why: 'is not supported yet: messages are bytes' },
};

/** @throws PulsarError */
export async function subscribe(core: ClientCore, config: ConsumerConfig): Promise<Consumer> {
  refuseUnknown(kind, config, supported, unsupported);
  const name = parseTopicName(text(kind, 'topic', config.topic));
  const topic = formatTopicName(name);
  // Mistakes are told before anybody is asked anything.
  const single = partsOf(config, { topic, partition: name.partition });
  const letters = letterSettings(config, topic, single.shared);
  if (letters !== undefined) return subscribeWithLetters(core, config, single, letters);
  const consumer = await newConsumer(core, config, name);
  await consumer.start();
  return consumer;
}

/** The consumer of a topic, and perhaps of its retry topic. */
async function subscribeWithLetters(
  core: ClientCore,
  config: ConsumerConfig,
  { topic, subscription, batch }: Pick<MessageConsumerParts, 'topic' | 'subscription' | 'batch'>,
  settings: LetterSettings,
): Promise<Consumer> {
  const { listener, ...common } = config;
  const names = { own: topic, retry: settings.retryLetterTopic ?? '' };
  const parts: LetterConsumerParts = {
    what: `receiving from '${subscription}' on ${topic}`,
    batch,
    listener: listener === undefined ? undefined : (message) => listener(message, consumer),
    subscription,
    settings,
    newConsumer: (which, sharing) => newConsumer(core, common, parseTopicName(names[which]), sharing),
  };
  const consumer = new LetterConsumer(core, parts);
  await consumer.start(parts);
  return consumer;
}

/** One that is yet to be started. @param sharing of a consumer that is a part of another */
async function newConsumer(
  core: ClientCore,
  config: ConsumerConfig,
  name: TopicName,
  sharing?: Sharing,
): Promise<MessageConsumer> {
  const topic = formatTopicName(name);
  const single = partsOf(config, { topic, partition: name.partition });
  const partitions = name.partition >= 0 ? 0 : await core.partitionsOf(topic);
  const topicOf = (partition: number): OneTopic => ({ topic: partitionName(name, partition), partition });
  const { listener } = config;
  const consumer: MessageConsumer = new MessageConsumer(core, {
    ...(partitions === 0 ? single : inPartitions(single, partitions, topicOf)),
    listener: listener === undefined ? undefined : (message) => listener(message, consumer),
    sharing,
  });
  return consumer;
}

/** The parts for one topic made those for a topic in partitions, of which there may be more later. */
function inPartitions(
  single: Omit<MessageConsumerParts, 'listener'>,
  partitions: number,
  topicOf: (partition: number) => OneTopic,
): Omit<MessageConsumerParts, 'listener'> {
  const [common] = single.partitions as [PartitionParts];
  // A subscription begins with the first message of what comes later: none of it was there when it began.
  const command = { ...common.command, initialPosition: initialPositions.Earliest };
  return {
    ...single,
    partitions: Array.from({ length: partitions }, (_, partition) => ({ ...common, ...topicOf(partition) })),
    newPartition: (partition) => ({ ...common, ...topicOf(partition), command }),
  };
}

interface OneTopic {
  readonly topic: string;
  readonly partition: number;
}

function partsOf(config: ConsumerConfig, one: OneTopic): Omit<MessageConsumerParts, 'listener'> {
  const types = ['Exclusive', 'Shared', 'Failover', 'KeyShared'] as const;
  const type = oneOf(kind, 'subscriptionType', config.subscriptionType, 'Exclusive', types);
  const keyShared = type === 'KeyShared';
  mustHold(kind, keyShared || config.keySharedPolicy === undefined, "keySharedPolicy needs 'KeyShared'");
  const shared = keyShared || type === 'Shared';
  const compacted = config.readCompacted ?? false;
  mustHold(kind, !compacted || !shared, "readCompacted needs 'Exclusive' or 'Failover'");
  const positions = ['Latest', 'Earliest'] as const;
  const initial = oneOf(kind, 'subscriptionInitialPosition', config.subscriptionInitialPosition, 'Latest', positions);
  const subscription = text(kind, 'subscription', config.subscription);
  const command = {
    subType: subscriptionTypes[type],
    keySharedMeta: keyShared ? keySharedMeta(config.keySharedPolicy) : undefined,
    consumerName: config.consumerName ?? madeUpName(),
    durable: true,
    initialPosition: initialPositions[initial],
    metadata: keyValues(config.properties),
    readCompacted: compacted,
    replicateSubscriptionState: config.replicateSubscriptionState ?? false,
  };
  const queue = queueOf(config);
  const acks = ackSettings(config);
  return {
    topic: one.topic,
    subscription,
    partitions: [{ ...one, ...queue, subscription, command, acks, start: undefined }],
    newPartition: undefined,
    shared,
    chunks: chunkLimits(config),
    batchIndexAcks: config.batchIndexAckEnabled ?? false,
    redelivery: redeliverySettings(config, shared),
    batch: batchLimits(config, queue.pool.limits.maxBytes),
    seekInclusive: config.startMessageIdInclusive ?? false,
    onActiveChange: config.onActiveChange,
  };
}

function queueOf(config: ConsumerConfig): { readonly window: number; readonly pool: FlowPool } {
  const window = integer(kind, 'receiverQueueSize', config.receiverQueueSize, 1000, 1);
  const name = 'receiverQueueSizeAcrossPartitions';
  const maxMessages = integer(kind, name, config.receiverQueueSizeAcrossPartitions, 50_000, 1);
  const maxBytes = integer(kind, 'receiverQueueBytes', config.receiverQueueBytes, 32 * 1024 * 1024, 1);
  return { window, pool: new FlowPool({ maxMessages, maxBytes }) };
}

function chunkLimits(config: ConsumerConfig): ChunkLimits {
  const { maxMessages, maxBytes, expireMs, acknowledgeOldest } = defaultChunkLimits;
  const count = (name: keyof ConsumerConfig, value: number | undefined, fallback: number): number =>
    integer(kind, name, value, fallback, 1);
  return {
    maxMessages: count('maxPendingChunkedMessage', config.maxPendingChunkedMessage, maxMessages),
    maxBytes: count('maxPendingChunkedMessageBytes', config.maxPendingChunkedMessageBytes, maxBytes),
    acknowledgeOldest: config.autoAckOldestChunkedMessageOnQueueFull ?? acknowledgeOldest,
    expireMs: milliseconds(
      kind,
      'expireTimeOfIncompleteChunkedMessageMs',
      config.expireTimeOfIncompleteChunkedMessageMs,
      expireMs,
      0,
    ),
  };
}

function batchLimits({ batchReceivePolicy = {} }: ConsumerConfig, maxBytes: number): BatchLimits {
  const policy = `${kind} batchReceivePolicy`;
  refuseUnknown(policy, batchReceivePolicy, ['maxNumMessages', 'maxNumBytes', 'timeoutMs'], {});
  const limit = (name: string, value: number | undefined, fallback: number): number => {
    const checked = integer(policy, name, value, fallback, -1);
    return checked <= 0 ? Number.POSITIVE_INFINITY : checked;
  };
  const limits = {
    maxMessages: limit('maxNumMessages', batchReceivePolicy.maxNumMessages, -1),
    maxBytes: limit('maxNumBytes', batchReceivePolicy.maxNumBytes, 10 * 1024 * 1024),
    timeoutMs: limit('timeoutMs', batchReceivePolicy.timeoutMs, 100),
  };
  const patience = limits.timeoutMs === Number.POSITIVE_INFINITY || limits.timeoutMs <= maxTimerMs;
  mustHold(policy, patience, `timeoutMs is ${limits.timeoutMs}, expected at most ${maxTimerMs}`);
  const bounded = Object.values(limits).some((value) => value !== Number.POSITIVE_INFINITY);
  mustHold(policy, bounded, 'needs at least one limit above 0');
  // Where time is the only limit, memory is one nevertheless.
  return { ...limits, maxBytes: Math.min(limits.maxBytes, maxBytes) };
}
