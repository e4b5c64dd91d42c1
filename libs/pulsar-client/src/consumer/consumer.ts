import type { MessageId, MessageIdParts } from '../message-id.ts';
import type { Message } from './message.ts';

/** Receives the messages of a subscription. Made by `Client.subscribe`. */
export interface Consumer {
  /** The next message. @param timeoutMs @default no end @throws PulsarError `Timeout`, `AlreadyClosed`, … */
  receive(timeoutMs?: number): Promise<Message>;
  /** As many as `batchReceivePolicy` says; may be none. @throws PulsarError `AlreadyClosed`, … */
  batchReceive(): Promise<Message[]>;
  /**
   * Resolves when the acknowledgement was written, or as `ackReceiptEnabled` and `ackGroupingTimeMs` say. Without a
   * connection it is kept (up to a limit) and written with the next one, before more messages are asked for.
   * @throws PulsarError `AlreadyClosed`, `NotConnected`, or what the broker says where it is asked
   */
  acknowledge(message: Message): Promise<null>;
  acknowledgeId(messageId: MessageIdParts): Promise<null>;
  /** This message and all before it in its partition; not for Shared and KeyShared. */
  acknowledgeCumulative(message: Message): Promise<null>;
  acknowledgeCumulativeId(messageId: MessageIdParts): Promise<null>;
  /** Has the message delivered again after `nAckRedeliverTimeoutMs`; where order is kept, all that is unacknowledged with it. */
  negativeAcknowledge(message: Message): void;
  negativeAcknowledgeId(messageId: MessageIdParts): void;
  /**
   * Has the message delivered again after a delay, by way of the retry topic: it is acknowledged once its copy is there.
   * Where that was done `maxRedeliverCount` times, its copy goes to the dead letter topic instead. Needs `retryEnable`.
   * @param delayMs milliseconds from now
   * @param properties of the copy, beside those that the message has
   * @throws PulsarError `OperationNotSupported`, or why the copy could not be published: then the message is unacknowledged
   */
  reconsumeLater(message: Message, delayMs: number, properties?: Readonly<Record<string, string>>): Promise<null>;
  /** The newest message of each partition; entry −1 where it is empty. */
  getLastMessageIds(): Promise<MessageId[]>;
  /**
   * Goes on after this message, or with it where `startMessageIdInclusive` is set. Of a partitioned topic: a message of
   * one of its partitions sets that partition alone; earliest and latest set all. Where there is no connection it waits for
   * one. @throws PulsarError `Timeout` once the operation timeout is over, or why the broker refuses
   */
  seek(messageId: MessageIdParts): Promise<null>;
  /**
   * Goes on from the first message published at this time or later, by the broker's clock where it adds its time.
   * @param timestamp milliseconds since 1970
   * @throws PulsarError as `seek`
   */
  seekTimestamp(timestamp: number): Promise<null>;
  isConnected(): boolean;
  close(): Promise<null>;
  /** Takes the subscription away, and closes. */
  unsubscribe(): Promise<null>;
}
