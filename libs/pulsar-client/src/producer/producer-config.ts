import type { Message } from '../consumer/message.ts';

export type MessageRoutingMode = 'UseSinglePartition' | 'RoundRobinDistribution' | 'CustomPartition';
export type HashingScheme = 'Murmur3_32Hash' | 'BoostHash' | 'JavaStringHash';
/** `KeyBasedBatching`: each batch has messages of one key, so that a KeyShared subscription can share batches out by their keys. */
export type ProducerBatchType = 'DefaultBatching' | 'KeyBasedBatching';
export type CompressionType = 'None' | 'Zlib' | 'LZ4' | 'ZSTD' | 'SNAPPY';

export interface TopicMetadata {
  readonly numPartitions: number;
}

/** Chooses a partition, 0 to `numPartitions` − 1. The message has neither a topic nor an id yet. */
export type MessageRouter = (message: Message, topicMetadata: TopicMetadata) => number;

export interface ProducerConfig {
  /** `chat`, `tenant/namespace/chat` or `persistent://tenant/namespace/chat`. */
  readonly topic: string;
  /** @default the broker makes one up */
  readonly producerName?: string;
  /** How long a message may take to be acknowledged, over reconnects; 0: as long as it takes. @default 30000 */
  readonly sendTimeoutMs?: number;
  /** The last sequence id that was used; the first message takes the next one. @default what the broker knows of the name, else −1 */
  readonly initialSequenceId?: number;
  /** Messages of one partition that wait for their acknowledgements. @default 1000 */
  readonly maxPendingMessages?: number;
  /** The same over all partitions. @default 50000 */
  readonly maxPendingMessagesAcrossPartitions?: number;
  /** Bytes over all partitions that wait for their acknowledgements. @default 67108864 */
  readonly maxPendingBytes?: number;
  /** `send` waits for room (at most `sendTimeoutMs`) in place of failing with `ProducerQueueIsFull`. @default false */
  readonly blockIfQueueFull?: boolean;
  /** Where messages without a key go; those with one go by its hash, unless the router is a custom one. @default 'UseSinglePartition' */
  readonly messageRoutingMode?: MessageRoutingMode;
  /** Unlike the official Node client's, which is BoostHash: Pharos routes as Java does. @default 'JavaStringHash' */
  readonly hashingScheme?: HashingScheme;
  /** For `CustomPartition`. */
  readonly messageRouter?: MessageRouter;
  /** Of whole entries: a batch is compressed as one. @default 'None' */
  readonly compressionType?: CompressionType;
  /** @default true */
  readonly batchingEnabled?: boolean;
  /** 0: what was sent in one turn of the event loop is one batch. @default 10 */
  readonly batchingMaxPublishDelayMs?: number;
  /** @default 1000 */
  readonly batchingMaxMessages?: number;
  /** @default 131072 */
  readonly batchingMaxAllowedSizeInBytes?: number;
  /** KeyBasedBatching is for topics that have KeyShared subscriptions. @default 'DefaultBatching' */
  readonly batchingType?: ProducerBatchType;
  /** Shown in the topic's stats. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Told when the connection of a partition's producer is lost and when it is back; never inside a call to the producer. */
  readonly connectionListener?: (connected: boolean, partition: number) => void;
}

export interface ProducerMessage {
  /** Kept until it is acknowledged, and must not change until then. */
  readonly data: Buffer;
  readonly properties?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly eventTimestamp?: number;
  /** For the broker's deduplication; must grow. @default one more than the last */
  readonly sequenceId?: number;
  readonly partitionKey?: string;
  readonly orderingKey?: string;
  readonly replicationClusters?: readonly string[];
  /** Milliseconds from now; Shared subscriptions only get it then. */
  readonly deliverAfter?: number;
  /** Milliseconds since 1970. */
  readonly deliverAt?: number;
  readonly disableReplication?: boolean;
}
