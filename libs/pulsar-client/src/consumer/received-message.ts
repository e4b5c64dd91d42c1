// Hot path of Consumer and Reader: one of these is made for each message, and reads its metadata only when asked.
import { ByteReader } from '@pharos/bytes';
import { asPulsarError, type PulsarError } from '../errors.ts';
import type { MessageId } from '../message-id.ts';
import { decodeSingleMessageMetadata, type KeyValue, type SingleMessageMetadata } from '../wire/index.ts';
import type { Entry } from './entry-consumer.ts';
import type { Message } from './message.ts';

/** Where a message lies in its entry's payload. */
export interface MessagePlace {
  readonly metadataStart: number;
  readonly metadataEnd: number;
  readonly dataStart: number;
  readonly dataEnd: number;
}

type OwnMetadata = Pick<
  SingleMessageMetadata,
  'properties' | 'partitionKey' | 'partitionKeyB64Encoded' | 'eventTime' | 'orderingKey'
>;

export class ReceivedMessage implements Message {
  readonly #topic: string;
  readonly #entry: Entry;
  readonly #id: MessageId;
  readonly #place: MessagePlace | undefined;
  readonly #unreadable: PulsarError | undefined;
  #metadata: OwnMetadata | undefined;

  /**
   * @param place of a message in a batch; `undefined`: the entry is the message
   * @param unreadable why there is no data
   */
  constructor(topic: string, entry: Entry, id: MessageId, place?: MessagePlace, unreadable?: PulsarError) {
    this.#topic = topic;
    this.#entry = entry;
    this.#id = id;
    this.#place = place;
    this.#unreadable = unreadable;
  }

  getTopicName(): string {
    return this.#topic;
  }

  getProperties(): { [key: string]: string } {
    const pairs = this.#own().properties ?? [];
    return Object.fromEntries(pairs.map(({ key, value }: KeyValue) => [key, value]));
  }

  getData(): Buffer {
    if (this.#unreadable !== undefined) throw this.#unreadable;
    const { payload } = this.#entry;
    return this.#place === undefined ? payload : payload.subarray(this.#place.dataStart, this.#place.dataEnd);
  }

  getMessageId(): MessageId {
    return this.#id;
  }

  getPublishTimestamp(): number {
    return this.#entry.metadata.publishTime;
  }

  getEventTimestamp(): number {
    return this.#own().eventTime ?? 0;
  }

  getRedeliveryCount(): number {
    return this.#entry.redeliveryCount;
  }

  getPartitionKey(): string {
    // Of a binary key, which Java sends as base64, that form: as the official Node client does.
    return this.#own().partitionKey ?? '';
  }

  /** As they are on the wire, for a copy. */
  get keys(): Pick<SingleMessageMetadata, 'partitionKey' | 'partitionKeyB64Encoded' | 'orderingKey'> {
    const { partitionKey, partitionKeyB64Encoded, orderingKey } = this.#own();
    return { partitionKey, partitionKeyB64Encoded, orderingKey };
  }

  getOrderingKey(): string {
    return this.#own().orderingKey?.toString('utf8') ?? '';
  }

  getProducerName(): string {
    return this.#entry.metadata.producerName;
  }

  isReplicated(): boolean {
    return this.#entry.metadata.replicatedFrom !== undefined;
  }

  getReplicatedFrom(): string {
    return this.#entry.metadata.replicatedFrom ?? '';
  }

  getEncryptionContext(): null {
    return null;
  }

  getBrokerIndex(): number | undefined {
    const { brokerEntry, count } = this.#entry;
    return brokerEntry === undefined ? undefined : brokerEntry.index - count + 1 + Math.max(0, this.#id.batchIndex);
  }

  getBrokerTimestamp(): number | undefined {
    return this.#entry.brokerEntry?.brokerTimestampMs;
  }

  #own(): OwnMetadata {
    if (this.#place === undefined) return this.#entry.metadata;
    this.#metadata ??= this.#decode(this.#place);
    return this.#metadata;
  }

  #decode({ metadataStart, metadataEnd }: MessagePlace): OwnMetadata {
    try {
      return decodeSingleMessageMetadata(new ByteReader(this.#entry.payload, metadataStart, metadataEnd));
    } catch (error) {
      throw asPulsarError(error, 'InvalidMessage', `the metadata of message ${this.#id.toString()}`);
    }
  }
}
