import type { MessageId } from '../message-id.ts';

/** A message that was received, with the accessors of the official client. */
export interface Message {
  getTopicName(): string;
  getProperties(): { [key: string]: string };
  /** A view into the entry that the message came in. @throws PulsarError `OperationNotSupported`, … where it can't be read */
  getData(): Buffer;
  getMessageId(): MessageId;
  /** Milliseconds since 1970, by the producer's clock. */
  getPublishTimestamp(): number;
  /** Milliseconds since 1970; 0 where there is none. */
  getEventTimestamp(): number;
  getRedeliveryCount(): number;
  /** '' where there is none. */
  getPartitionKey(): string;
  /** '' where there is none. */
  getOrderingKey(): string;
  getProducerName(): string;
  isReplicated(): boolean;
  getReplicatedFrom(): string;
  /** Null: encrypted messages are not supported yet. */
  getEncryptionContext(): null;
  /** The message's own index in its topic partition; `undefined` where the broker adds none. */
  getBrokerIndex(): number | undefined;
  /** Milliseconds since 1970, by the broker's clock; `undefined` where the broker adds none. */
  getBrokerTimestamp(): number | undefined;
}
