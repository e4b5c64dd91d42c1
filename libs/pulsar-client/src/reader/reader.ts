import type { Message } from '../consumer/message.ts';
import type { MessageIdParts } from '../message-id.ts';

export interface ReaderConfig {
  /** Plain, one partition, or a topic in partitions: all of them are read then, each in order. */
  readonly topic: string;
  /**
   * Begins after it; at the first or after the last for `MessageId.earliest()` and `latest()`, which are all that a topic in
   * partitions takes.
   */
  readonly startMessageId: MessageIdParts;
  /** Begins with `startMessageId` itself. @default false */
  readonly startMessageIdInclusive?: boolean;
  /** @default 1000 */
  readonly receiverQueueSize?: number;
  /** Bytes that are fetched ahead: above it no more is asked for. @default 33554432 */
  readonly receiverQueueBytes?: number;
  /** @default a made up one */
  readonly readerName?: string;
  /** Begins the name of the subscription. @default 'reader' */
  readonly subscriptionRolePrefix?: string;
  readonly readCompacted?: boolean;
  /** Is handed each message; `readNext` is refused then. */
  readonly listener?: (message: Message, reader: Reader) => void;
}

/** Reads a topic from a position on, without a subscription that lasts. Made by `Client.createReader`. */
export interface Reader {
  /** The next message. @param timeoutMs @default no end @throws PulsarError `Timeout`, `AlreadyClosed`, … */
  readNext(timeoutMs?: number): Promise<Message>;
  /**
   * Whether there is a message to read, as far as is known: exact when the reader is made, after each `readNext` and
   * seek, and once what was published since has arrived. `hasMessageAvailable` asks the broker.
   */
  hasNext(): boolean;
  /** Whether `readNext` would give what the topic has at this moment; asks until `operationTimeoutSeconds` are over. @throws PulsarError `Timeout`, `AlreadyClosed`, … */
  hasMessageAvailable(): Promise<boolean>;
  isConnected(): boolean;
  /**
   * Goes on after this message, or with it where `startMessageIdInclusive` is set. Of a topic in partitions: a message of one
   * of them sets that partition alone; earliest and latest set all.
   */
  seek(messageId: MessageIdParts): Promise<null>;
  /**
   * Goes on from the first message published at this time or later, by the broker's clock where it adds its time.
   * @param timestamp milliseconds since 1970
   */
  seekTimestamp(timestamp: number): Promise<null>;
  close(): Promise<null>;
}
