import { compressionCodec } from '../compression/compression.ts';
import { hashings } from '../hashing/hashing.ts';
import {
  integer,
  keyValues,
  milliseconds,
  mustHold,
  oneOf,
  refuseUnknown,
  text,
  type Unsupported,
} from '../options.ts';
import { compressionType } from '../wire/index.ts';
import type { CompressionType, MessageRouter, MessageRoutingMode, ProducerConfig } from './producer-config.ts';

const kind = 'ProducerConfig';

const supported: readonly (keyof ProducerConfig)[] = [
  'topic',
  'producerName',
  'sendTimeoutMs',
  'initialSequenceId',
  'maxPendingMessages',
  'maxPendingMessagesAcrossPartitions',
  'maxPendingBytes',
  'blockIfQueueFull',
  'messageRoutingMode',
  'hashingScheme',
  'messageRouter',
  'compressionType',
  'batchingEnabled',
  'batchingMaxPublishDelayMs',
  'batchingMaxMessages',
  'batchingMaxAllowedSizeInBytes',
  'batchingType',
  'properties',
  'connectionListener',
];

const encryption: Unsupported = { why: 'is not supported: messages are not encrypted end to end yet' };

const unsupported: Readonly<Record<string, Unsupported>> = {
  publicKeyPath: encryption,
  encryptionKey: encryption,
  encryptionKeys: encryption,
  cryptoKeyReader: encryption,
  cryptoFailureAction: { ...encryption, accepted: ['FAIL'] },
  chunkingEnabled: { why: 'is not supported: messages are not cut into chunks yet', accepted: [false] },
  schema: { why: 'is not supported yet: messages are bytes' },
  accessMode: { why: "is not supported yet, other than 'Shared'", accepted: ['Shared'] },
};

const compressions: Readonly<Record<CompressionType, number>> = {
  None: compressionType.none,
  Zlib: compressionType.zlib,
  LZ4: compressionType.lz4,
  ZSTD: compressionType.zstd,
  SNAPPY: compressionType.snappy,
};

/** A producer's options, checked, with their defaults. */
export interface ProducerSettings {
  readonly producerName: string | undefined;
  readonly initialSequenceId: number | undefined;
  /** 0: no end. */
  readonly sendTimeoutMs: number;
  readonly maxPendingMessages: number;
  readonly maxPendingMessagesAcrossPartitions: number;
  readonly maxPendingBytes: number;
  readonly blockIfQueueFull: boolean;
  readonly routing: MessageRoutingMode;
  readonly hash: (key: string) => number;
  readonly router: MessageRouter | undefined;
  /** Number of `MessageMetadata.compression`. */
  readonly compression: number;
  readonly batching:
    | {
        readonly maxDelayMs: number;
        readonly maxMessages: number;
        readonly maxBytes: number;
        readonly keyBased: boolean;
      }
    | undefined;
  readonly properties: readonly { readonly key: string; readonly value: string }[];
  readonly initialSubscriptionName?: string | undefined;
  readonly connectionListener: ((connected: boolean, partition: number) => void) | undefined;
}

/** @throws PulsarError `InvalidConfiguration`, `OperationNotSupported` */
export function producerSettings(config: ProducerConfig): ProducerSettings {
  refuseUnknown(kind, config, supported, unsupported);
  const batching = config.batchingEnabled ?? true;
  const batches = ['DefaultBatching', 'KeyBasedBatching'] as const;
  const keyBased = oneOf(kind, 'batchingType', config.batchingType, 'DefaultBatching', batches) === 'KeyBasedBatching';
  mustHold(kind, batching || !keyBased, "batchingType 'KeyBasedBatching' needs batchingEnabled");
  const count = (name: keyof ProducerConfig, value: number | undefined, fallback: number, min: number): number =>
    integer(kind, name, value, fallback, min);
  const settings: ProducerSettings = {
    producerName: config.producerName === undefined ? undefined : text(kind, 'producerName', config.producerName),
    initialSequenceId:
      config.initialSequenceId === undefined ? undefined : count('initialSequenceId', config.initialSequenceId, 0, -1),
    sendTimeoutMs: milliseconds(kind, 'sendTimeoutMs', config.sendTimeoutMs, 30_000, 0),
    maxPendingMessages: count('maxPendingMessages', config.maxPendingMessages, 1000, 1),
    maxPendingMessagesAcrossPartitions: count(
      'maxPendingMessagesAcrossPartitions',
      config.maxPendingMessagesAcrossPartitions,
      50_000,
      1,
    ),
    maxPendingBytes: count('maxPendingBytes', config.maxPendingBytes, 64 * 1024 * 1024, 1),
    blockIfQueueFull: config.blockIfQueueFull ?? false,
    routing: oneOf(kind, 'messageRoutingMode', config.messageRoutingMode, 'UseSinglePartition', [
      'UseSinglePartition',
      'RoundRobinDistribution',
      'CustomPartition',
    ]),
    hash: hashOf(config),
    router: config.messageRouter,
    compression: compressionOf(config.compressionType),
    batching: batching
      ? {
          maxDelayMs: milliseconds(kind, 'batchingMaxPublishDelayMs', config.batchingMaxPublishDelayMs, 10, 0),
          maxMessages: count('batchingMaxMessages', config.batchingMaxMessages, 1000, 1),
          maxBytes: count('batchingMaxAllowedSizeInBytes', config.batchingMaxAllowedSizeInBytes, 128 * 1024, 1),
          keyBased,
        }
      : undefined,
    properties: keyValues(config.properties),
    connectionListener: config.connectionListener,
  };
  const custom = settings.routing === 'CustomPartition';
  mustHold(
    kind,
    custom === (settings.router !== undefined),
    "messageRoutingMode 'CustomPartition' and a messageRouter go together",
  );
  return settings;
}

function hashOf(config: ProducerConfig): (key: string) => number {
  const allowed = ['JavaStringHash', 'Murmur3_32Hash', 'BoostHash'] as const;
  const scheme = oneOf(kind, 'hashingScheme', config.hashingScheme, 'JavaStringHash', allowed);
  mustHold(
    kind,
    scheme !== 'BoostHash',
    "hashingScheme 'BoostHash' is not supported: what it yields depends on the version of Boost that a client is built with",
  );
  return hashings[scheme as keyof typeof hashings];
}

function compressionOf(type: CompressionType | undefined): number {
  const name = oneOf(kind, 'compressionType', type, 'None', ['None', 'Zlib', 'LZ4', 'ZSTD', 'SNAPPY']);
  compressionCodec(compressions[name]);
  return compressions[name];
}
