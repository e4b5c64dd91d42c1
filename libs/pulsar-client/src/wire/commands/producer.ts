/*
 * CommandProducer
 *    1 required string        topic
 *    2 required uint64        producer_id
 *    3 required uint64        request_id
 *    4 optional string        producer_name
 *    5 optional bool          encrypted = false
 *    6 repeated KeyValue      metadata
 *    7 optional Schema        schema
 *    8 optional uint64        epoch = 0
 *    9 optional bool          user_provided_producer_name = true
 *   10 optional enum          producer_access_mode = Shared
 *   11 optional uint64        topic_epoch
 *   12 optional bool          txn_enabled = false
 *   13 optional string        initial_subscription_name
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyValue, encodeKeyValue } from '../key-value.ts';
import type { KeyValue } from '../key-value.ts';
import { decodeSchema, encodeSchema } from '../schema.ts';
import type { Schema } from '../schema.ts';
import {
  readBool,
  readInt,
  readInt32,
  readMessage,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeBool,
  writeInt,
  writeMessage,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Numbers of `CommandProducer.producerAccessMode`. */
export const producerAccessMode = { shared: 0, exclusive: 1, waitForExclusive: 2, exclusiveWithFencing: 3 } as const;

/** Creates a producer on a topic; answered by PRODUCER_SUCCESS or ERROR. */
export interface CommandProducer {
  readonly topic: string;
  readonly producerId: number;
  readonly requestId: number;
  /** Absent: the broker makes one up. */
  readonly producerName?: string | undefined;
  readonly encrypted?: boolean | undefined;
  readonly metadata?: readonly KeyValue[] | undefined;
  readonly schema?: Schema | undefined;
  /** One more with each reconnection of this producer. */
  readonly epoch?: number | undefined;
  readonly userProvidedProducerName?: boolean | undefined;
  /** See {@link producerAccessMode}. */
  readonly producerAccessMode?: number | undefined;
  /** As given by PRODUCER_SUCCESS, sent again on reconnection. */
  readonly topicEpoch?: number | undefined;
  readonly txnEnabled?: boolean | undefined;
  readonly initialSubscriptionName?: string | undefined;
}

export function encodeCommandProducer(writer: ByteWriter, command: CommandProducer): void {
  writeString(writer, 1, command.topic);
  writeUint(writer, 2, command.producerId);
  writeUint(writer, 3, command.requestId);
  writeString(writer, 4, command.producerName);
  writeBool(writer, 5, command.encrypted);
  if (command.metadata !== undefined)
    for (const item of command.metadata) writeMessage(writer, 6, item, encodeKeyValue);
  writeMessage(writer, 7, command.schema, encodeSchema);
  writeInt(writer, 8, command.epoch);
  writeBool(writer, 9, command.userProvidedProducerName);
  writeInt(writer, 10, command.producerAccessMode);
  writeInt(writer, 11, command.topicEpoch);
  writeBool(writer, 12, command.txnEnabled);
  writeString(writer, 13, command.initialSubscriptionName);
}

export function decodeCommandProducer(reader: ByteReader): CommandProducer {
  let topic: string | undefined;
  let producerId: number | undefined;
  let requestId: number | undefined;
  let producerName: string | undefined;
  let encrypted: boolean | undefined;
  let metadata: KeyValue[] | undefined;
  let schema: Schema | undefined;
  let epoch: number | undefined;
  let userProvidedProducerName: boolean | undefined;
  let producerAccessMode: number | undefined;
  let topicEpoch: number | undefined;
  let txnEnabled: boolean | undefined;
  let initialSubscriptionName: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        topic = readString(reader, tag);
        break;
      case 2:
        producerId = readUint(reader, tag);
        break;
      case 3:
        requestId = readUint(reader, tag);
        break;
      case 4:
        producerName = readString(reader, tag);
        break;
      case 5:
        encrypted = readBool(reader, tag);
        break;
      case 6:
        (metadata ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      case 7:
        schema = readMessage(reader, tag, decodeSchema);
        break;
      case 8:
        epoch = readInt(reader, tag);
        break;
      case 9:
        userProvidedProducerName = readBool(reader, tag);
        break;
      case 10:
        producerAccessMode = readInt32(reader, tag);
        break;
      case 11:
        topicEpoch = readInt(reader, tag);
        break;
      case 12:
        txnEnabled = readBool(reader, tag);
        break;
      case 13:
        initialSubscriptionName = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    topic: required(topic, 'CommandProducer.topic'),
    producerId: required(producerId, 'CommandProducer.producer_id'),
    requestId: required(requestId, 'CommandProducer.request_id'),
    producerName,
    encrypted,
    metadata,
    schema,
    epoch,
    userProvidedProducerName,
    producerAccessMode,
    topicEpoch,
    txnEnabled,
    initialSubscriptionName,
  };
}
