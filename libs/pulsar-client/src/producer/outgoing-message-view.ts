import type { Message } from '../consumer/message.ts';
import { PulsarError } from '../errors.ts';
import { MessageId } from '../message-id.ts';
import type { ProducerMessage } from './producer-config.ts';

/** A message that is being published, as a custom router sees it: it has neither a topic nor an id yet. */
export class OutgoingMessageView implements Message {
  readonly #message: ProducerMessage;

  constructor(message: ProducerMessage) {
    this.#message = message;
  }

  getTopicName(): string {
    throw new PulsarError('InvalidMessage', 'a message has no topic before it is routed');
  }

  getProperties(): { [key: string]: string } {
    return { ...this.#message.properties };
  }

  getData(): Buffer {
    return this.#message.data;
  }

  getMessageId(): MessageId {
    return new MessageId(-1n, -1n);
  }

  getPublishTimestamp(): number {
    return 0;
  }

  getEventTimestamp(): number {
    return this.#message.eventTimestamp ?? 0;
  }

  getRedeliveryCount(): number {
    return 0;
  }

  getPartitionKey(): string {
    return this.#message.partitionKey ?? '';
  }

  getOrderingKey(): string {
    return this.#message.orderingKey ?? '';
  }

  getProducerName(): string {
    return '';
  }

  isReplicated(): boolean {
    return false;
  }

  getReplicatedFrom(): string {
    return '';
  }

  getEncryptionContext(): null {
    return null;
  }

  getBrokerIndex(): number | undefined {
    return undefined;
  }

  getBrokerTimestamp(): number | undefined {
    return undefined;
  }
}
