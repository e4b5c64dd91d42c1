import type { Consumer } from './consumer.ts';
import type { DeadLetterPolicy } from './dead-letter-policy.ts';
import type { KeySharedPolicy } from './key-shared.ts';
import type { Message } from './message.ts';
import type { RedeliveryBackoff } from './redelivery-settings.ts';

export type SubscriptionType = 'Exclusive' | 'Shared' | 'KeyShared' | 'Failover';
export type InitialPosition = 'Latest' | 'Earliest';

export interface ConsumerBatchReceivePolicy {
  /** −1: no limit. @default -1 */
  readonly maxNumMessages?: number;
  /** −1: no limit. @default 10485760 */
  readonly maxNumBytes?: number;
  /** How long to wait for more; −1: until one of the limits. @default 100 */
  readonly timeoutMs?: number;
}

export interface ConsumerConfig {
  readonly topic: string;
  readonly subscription: string;
  /** @default 'Exclusive' */
  readonly subscriptionType?: SubscriptionType;
  /** Where a new subscription begins. @default 'Latest' */
  readonly subscriptionInitialPosition?: InitialPosition;
  /** When a message that was negatively acknowledged is asked for again. @default 60000 */
  readonly nAckRedeliverTimeoutMs?: number;
  /** In place of `nAckRedeliverTimeoutMs` for `negativeAcknowledge`; by id it counts no redeliveries. Shared and KeyShared. */
  readonly negativeAckRedeliveryBackoff?: RedeliveryBackoff;
  /**
   * How long the application may take to acknowledge a message, either way, before it is asked for again; at least 10000.
   * 0: as long as it takes. @default 0
   */
  readonly ackTimeoutMs?: number;
  /** What comes on top of `ackTimeoutMs`. Shared and KeyShared. */
  readonly ackTimeoutRedeliveryBackoff?: RedeliveryBackoff;
  /** Messages of one partition that are asked for ahead, at least 1; batches come whole. @default 1000 */
  readonly receiverQueueSize?: number;
  /**
   * Messages over all partitions that are held ahead at most. Half of it is divided among the partitions, half is for those
   * that need it; a partition that has nothing may hold one entry (a message or a batch) beyond. @default 50000
   */
  readonly receiverQueueSizeAcrossPartitions?: number;
  /**
   * The same in bytes. Three quarters are asked for, going by the sizes that entries had lately; where larger ones come all
   * at once, the connection is not read on. @default 33554432
   */
  readonly receiverQueueBytes?: number;
  /** @default a made up one */
  readonly consumerName?: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Is handed each message; `receive` is refused then. */
  readonly listener?: (message: Message, consumer: Consumer) => void;
  readonly readCompacted?: boolean;
  /** Whether `seek` goes on with the message itself. @default false */
  readonly startMessageIdInclusive?: boolean;
  readonly batchReceivePolicy?: ConsumerBatchReceivePolicy;
  /** For messages that come again too often. Shared and KeyShared. */
  readonly deadLetterPolicy?: DeadLetterPolicy;
  /** Subscribes to the retry topic too, for `reconsumeLater`. Shared and KeyShared. @default false */
  readonly retryEnable?: boolean;
  /** Of a KeyShared subscription. */
  readonly keySharedPolicy?: KeySharedPolicy;
  /**
   * Tells the broker of single messages of a batch, so that after a restart those that are acknowledged don't come again.
   * The broker ignores it unless `acknowledgmentAtBatchIndexLevelEnabled` is set there. @default false
   */
  readonly batchIndexAckEnabled?: boolean;
  /**
   * How long acknowledgements wait for others, to go to the broker together; 0: for the rest of the turn of the event loop.
   * Above 0, `acknowledge` resolves at once unless `ackReceiptEnabled` is set. @default 0
   */
  readonly ackGroupingTimeMs?: number;
  /** How many acknowledgements go without waiting longer. @default 1000 */
  readonly ackGroupingMaxSize?: number;
  /** `acknowledge` resolves when the broker has confirmed it; tried again over lost connections until then. @default false */
  readonly ackReceiptEnabled?: boolean;
  readonly replicateSubscriptionState?: boolean;
  /** Messages in chunks, of one partition, that may be incomplete at a time: the oldest of more is given up. @default 10 */
  readonly maxPendingChunkedMessage?: number;
  /** Bytes that they, or one of them, may have; uncompressed too. @default 268435456 */
  readonly maxPendingChunkedMessageBytes?: number;
  /** Whether the oldest is acknowledged then; else it comes again with the next connection. @default false */
  readonly autoAckOldestChunkedMessageOnQueueFull?: boolean;
  /** When an incomplete one is given up, and acknowledged, because the rest does not come; 0: never. @default 60000 */
  readonly expireTimeOfIncompleteChunkedMessageMs?: number;
  /** Of a Failover subscription: whether this is the consumer that gets the messages of the partition. */
  readonly onActiveChange?: (active: boolean, partition: number) => void;
}
