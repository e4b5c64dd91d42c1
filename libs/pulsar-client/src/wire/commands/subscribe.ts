/*
 * CommandSubscribe
 *    1 required string        topic
 *    2 required string        subscription
 *    3 required enum          subType
 *    4 required uint64        consumer_id
 *    5 required uint64        request_id
 *    6 optional string        consumer_name
 *    7 optional int32         priority_level
 *    8 optional bool          durable = true
 *    9 optional MessageIdData start_message_id
 *   10 repeated KeyValue      metadata
 *   11 optional bool          read_compacted
 *   12 optional Schema        schema
 *   13 optional enum          initialPosition = Latest
 *   14 optional bool          replicate_subscription_state
 *   15 optional bool          force_topic_creation = true
 *   16 optional uint64        start_message_rollback_duration_sec = 0
 *   17 optional KeySharedMeta keySharedMeta
 *   18 repeated KeyValue      subscription_properties
 *   19 optional uint64        consumer_epoch
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeySharedMeta, encodeKeySharedMeta } from '../key-shared-meta.ts';
import type { KeySharedMeta } from '../key-shared-meta.ts';
import { decodeKeyValue, encodeKeyValue } from '../key-value.ts';
import type { KeyValue } from '../key-value.ts';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
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

/** Numbers of `CommandSubscribe.subType`. */
export const subType = { exclusive: 0, shared: 1, failover: 2, keyShared: 3 } as const;

/** Numbers of `CommandSubscribe.initialPosition`. */
export const initialPosition = { latest: 0, earliest: 1 } as const;

/** Attaches a consumer to a subscription; answered by SUCCESS or ERROR. */
export interface CommandSubscribe {
  readonly topic: string;
  readonly subscription: string;
  /** See {@link subType}. */
  readonly subType: number;
  readonly consumerId: number;
  readonly requestId: number;
  readonly consumerName?: string | undefined;
  readonly priorityLevel?: number | undefined;
  readonly durable?: boolean | undefined;
  /** Where a non-durable subscription begins. */
  readonly startMessageId?: MessageIdData | undefined;
  readonly metadata?: readonly KeyValue[] | undefined;
  readonly readCompacted?: boolean | undefined;
  readonly schema?: Schema | undefined;
  /** See {@link initialPosition}. */
  readonly initialPosition?: number | undefined;
  readonly replicateSubscriptionState?: boolean | undefined;
  readonly forceTopicCreation?: boolean | undefined;
  readonly startMessageRollbackDurationSec?: number | undefined;
  readonly keySharedMeta?: KeySharedMeta | undefined;
  readonly subscriptionProperties?: readonly KeyValue[] | undefined;
  readonly consumerEpoch?: number | undefined;
}

export function encodeCommandSubscribe(writer: ByteWriter, command: CommandSubscribe): void {
  writeString(writer, 1, command.topic);
  writeString(writer, 2, command.subscription);
  writeInt(writer, 3, command.subType);
  writeUint(writer, 4, command.consumerId);
  writeUint(writer, 5, command.requestId);
  writeString(writer, 6, command.consumerName);
  writeInt(writer, 7, command.priorityLevel);
  writeBool(writer, 8, command.durable);
  writeMessage(writer, 9, command.startMessageId, encodeMessageIdData);
  if (command.metadata !== undefined)
    for (const item of command.metadata) writeMessage(writer, 10, item, encodeKeyValue);
  writeBool(writer, 11, command.readCompacted);
  writeMessage(writer, 12, command.schema, encodeSchema);
  writeInt(writer, 13, command.initialPosition);
  writeBool(writer, 14, command.replicateSubscriptionState);
  writeBool(writer, 15, command.forceTopicCreation);
  writeUint(writer, 16, command.startMessageRollbackDurationSec);
  writeMessage(writer, 17, command.keySharedMeta, encodeKeySharedMeta);
  if (command.subscriptionProperties !== undefined)
    for (const item of command.subscriptionProperties) writeMessage(writer, 18, item, encodeKeyValue);
  writeInt(writer, 19, command.consumerEpoch);
}

export function decodeCommandSubscribe(reader: ByteReader): CommandSubscribe {
  let topic: string | undefined;
  let subscription: string | undefined;
  let subType: number | undefined;
  let consumerId: number | undefined;
  let requestId: number | undefined;
  let consumerName: string | undefined;
  let priorityLevel: number | undefined;
  let durable: boolean | undefined;
  let startMessageId: MessageIdData | undefined;
  let metadata: KeyValue[] | undefined;
  let readCompacted: boolean | undefined;
  let schema: Schema | undefined;
  let initialPosition: number | undefined;
  let replicateSubscriptionState: boolean | undefined;
  let forceTopicCreation: boolean | undefined;
  let startMessageRollbackDurationSec: number | undefined;
  let keySharedMeta: KeySharedMeta | undefined;
  let subscriptionProperties: KeyValue[] | undefined;
  let consumerEpoch: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        topic = readString(reader, tag);
        break;
      case 2:
        subscription = readString(reader, tag);
        break;
      case 3:
        subType = readInt32(reader, tag);
        break;
      case 4:
        consumerId = readUint(reader, tag);
        break;
      case 5:
        requestId = readUint(reader, tag);
        break;
      case 6:
        consumerName = readString(reader, tag);
        break;
      case 7:
        priorityLevel = readInt32(reader, tag);
        break;
      case 8:
        durable = readBool(reader, tag);
        break;
      case 9:
        startMessageId = readMessage(reader, tag, decodeMessageIdData);
        break;
      case 10:
        (metadata ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      case 11:
        readCompacted = readBool(reader, tag);
        break;
      case 12:
        schema = readMessage(reader, tag, decodeSchema);
        break;
      case 13:
        initialPosition = readInt32(reader, tag);
        break;
      case 14:
        replicateSubscriptionState = readBool(reader, tag);
        break;
      case 15:
        forceTopicCreation = readBool(reader, tag);
        break;
      case 16:
        startMessageRollbackDurationSec = readUint(reader, tag);
        break;
      case 17:
        keySharedMeta = readMessage(reader, tag, decodeKeySharedMeta);
        break;
      case 18:
        (subscriptionProperties ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      case 19:
        consumerEpoch = readInt(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    topic: required(topic, 'CommandSubscribe.topic'),
    subscription: required(subscription, 'CommandSubscribe.subscription'),
    subType: required(subType, 'CommandSubscribe.subType'),
    consumerId: required(consumerId, 'CommandSubscribe.consumer_id'),
    requestId: required(requestId, 'CommandSubscribe.request_id'),
    consumerName,
    priorityLevel,
    durable,
    startMessageId,
    metadata,
    readCompacted,
    schema,
    initialPosition,
    replicateSubscriptionState,
    forceTopicCreation,
    startMessageRollbackDurationSec,
    keySharedMeta,
    subscriptionProperties,
    consumerEpoch,
  };
}
