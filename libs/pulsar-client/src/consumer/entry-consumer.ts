import type { PulsarError } from '../errors.ts';
import type { MessageId, MessageIdParts } from '../message-id.ts';
import type { MessageMetadata } from '../wire/index.ts';
import type { InitialPosition } from './consumer-config.ts';

/** What the broker's interceptors added to an entry. */
export interface BrokerEntry {
  /** Index, in the topic partition, of the *last* message of the entry. Message i of n has `index − n + 1 + i`. */
  readonly index: number;
  /** Milliseconds since 1970; `undefined` where the broker adds none. */
  readonly brokerTimestampMs: number | undefined;
}

/** A whole entry as it lies in the topic: one message or a batch, scanned with `EntryCursor`. */
export interface Entry {
  /** Batch index −1: the whole entry. */
  readonly messageId: MessageId;
  /** Absent where the broker adds no index. */
  readonly brokerEntry?: BrokerEntry | undefined;
  readonly metadata: MessageMetadata;
  /** Whether `payload` is a batch, which `EntryCursor` takes apart; else it is the message. A batch may have one message. */
  readonly batch: boolean;
  /** Messages in the entry. */
  readonly count: number;
  /** Of a batch of which some messages are acknowledged: a bit for each that is not, 64 a word, lowest first. */
  readonly ackSet?: readonly bigint[] | undefined;
  /** Uncompressed. Of a chunk: the piece of the (perhaps compressed) message as it is. Empty where `unreadable` is set. */
  readonly payload: Buffer;
  /** Set where the payload can't be read: a compression or an encryption that isn't supported, or damage. */
  readonly unreadable?: PulsarError | undefined;
  /** Number of the session, from 1, that delivered it. */
  readonly session: number;
  readonly redeliveryCount: number;
}

export type EntryConsumerEvent =
  /** (Re)subscribed; entries of this session follow. `session` grows by one each time, from 1. */
  | { readonly type: 'connected'; readonly session: number }
  /** The connection is lost; what has arrived can still be taken. Subscribes again by itself. */
  | { readonly type: 'disconnected'; readonly error: PulsarError }
  /** Of a Failover subscription: whether this is the consumer that gets the entries. */
  | { readonly type: 'active'; readonly active: boolean }
  /** The topic was terminated and its last entry has come. */
  | { readonly type: 'terminated' }
  /** Over: by `close` (no error), or because it can't go on. */
  | { readonly type: 'closed'; readonly error?: PulsarError };

export interface EntryConsumerConfig {
  /** A plain topic or one partition: `persistent://tenant/namespace/chat-partition-2`. */
  readonly topic: string;
  readonly subscription: string;
  /** @default 'Exclusive' */
  readonly subscriptionType?: 'Exclusive' | 'Failover' | 'Shared';
  /** @default a made up one */
  readonly consumerName?: string;
  /** False: the subscription lives with this consumer, which resumes after the last entry that came. @default false */
  readonly durable?: boolean;
  /** Where a non-durable subscription begins. @default MessageId.latest() */
  readonly startMessageId?: MessageIdParts;
  /** Whether the entry at `startMessageId` comes too. @default false */
  readonly startMessageIdInclusive?: boolean;
  /**
   * Begins with what was published so many seconds ago, by the broker's clock, in place of `startMessageId`; 0: doesn't.
   * @default 0
   */
  readonly startMessageRollbackSeconds?: number;
  /** Where a new durable subscription begins. @default 'Latest' */
  readonly subscriptionInitialPosition?: InitialPosition;
  /** Messages that are fetched ahead; 0: none, which is for who only wants the subscription's place. @default 10000 */
  readonly receiverQueueSize?: number;
  /** Bytes that are fetched ahead: above it no more is asked for. @default 2097152 */
  readonly receiverQueueBytes?: number;
  readonly readCompacted?: boolean;
  readonly properties?: Readonly<Record<string, string>>;
  /** Called when the queue goes from empty to not empty; never inside a call to the consumer. */
  readonly onReadable?: (consumer: EntryConsumer) => void;
  /** Never called inside a call to the consumer; events of one consumer come in order. */
  readonly onEvent?: (event: EntryConsumerEvent, consumer: EntryConsumer) => void;
}

/** Follows one topic entry by entry. Made by `Client.subscribeEntries`. */
export interface EntryConsumer {
  readonly topic: string;
  readonly subscription: string;
  /** Number of the current session, or of the last one where the connection is lost. */
  readonly session: number;
  readonly queuedEntries: number;
  readonly queuedBytes: number;
  isConnected(): boolean;
  /** The next entry where one has arrived; makes room for another. */
  tryReceive(): Entry | undefined;
  /** Of a durable subscription; as `Consumer.acknowledge`. */
  acknowledgeEntry(entry: { readonly messageId: MessageIdParts }): Promise<null>;
  /** So is all before it. @throws PulsarError as above; `CumulativeAcknowledgementNotAllowedError` where it is Shared */
  acknowledgeEntriesThrough(entry: { readonly messageId: MessageIdParts }): Promise<null>;
  /**
   * Of a durable subscription: the last entry up to which all is acknowledged, as the broker has it; entry −1 where none of the ledger is.
   * `undefined` where the broker doesn't say. @throws PulsarError `NotConnected`, `Timeout`, …
   */
  getAcknowledgedThrough(): Promise<MessageId | undefined>;
  /** The topic's newest message; entry −1 where the topic is empty. @throws PulsarError `NotConnected`, `Timeout`, … */
  getLastMessageId(): Promise<MessageId>;
  /** Ends it; what is queued is dropped. */
  close(): Promise<null>;
}
