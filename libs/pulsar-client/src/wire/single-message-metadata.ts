/*
 * SingleMessageMetadata
 *    1 repeated KeyValue      properties
 *    2 optional string        partition_key
 *    3 required int32         payload_size
 *    4 optional bool          compacted_out = false
 *    5 optional uint64        event_time = 0
 *    6 optional bool          partition_key_b64_encoded = false
 *    7 optional bytes         ordering_key
 *    8 optional uint64        sequence_id
 *    9 optional bool          null_value = false
 *   10 optional bool          null_partition_key = false
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyValue, encodeKeyValue } from './key-value.ts';
import type { KeyValue } from './key-value.ts';
import {
  readBool,
  readBytes,
  readForeignInt,
  readInt32,
  readMessage,
  readString,
  readTag,
  required,
  skipField,
  writeBool,
  writeBytes,
  writeInt,
  writeMessage,
  writeString,
} from './protobuf.ts';

/** Metadata of one message inside a batch. Integers beyond 2^53 come from foreign producers and are rounded, not refused. */
export interface SingleMessageMetadata {
  readonly properties?: readonly KeyValue[] | undefined;
  readonly partitionKey?: string | undefined;
  /** Bytes that follow this metadata. */
  readonly payloadSize: number;
  /** Compaction took the payload out: to be skipped. */
  readonly compactedOut?: boolean | undefined;
  /** Milliseconds since 1970. */
  readonly eventTime?: number | undefined;
  readonly partitionKeyB64Encoded?: boolean | undefined;
  readonly orderingKey?: Buffer | undefined;
  readonly sequenceId?: number | undefined;
  readonly nullValue?: boolean | undefined;
  readonly nullPartitionKey?: boolean | undefined;
}

export function encodeSingleMessageMetadata(writer: ByteWriter, value: SingleMessageMetadata): void {
  if (value.properties !== undefined)
    for (const item of value.properties) writeMessage(writer, 1, item, encodeKeyValue);
  writeString(writer, 2, value.partitionKey);
  writeInt(writer, 3, value.payloadSize);
  writeBool(writer, 4, value.compactedOut);
  writeInt(writer, 5, value.eventTime);
  writeBool(writer, 6, value.partitionKeyB64Encoded);
  writeBytes(writer, 7, value.orderingKey);
  writeInt(writer, 8, value.sequenceId);
  writeBool(writer, 9, value.nullValue);
  writeBool(writer, 10, value.nullPartitionKey);
}

export function decodeSingleMessageMetadata(reader: ByteReader): SingleMessageMetadata {
  let properties: KeyValue[] | undefined;
  let partitionKey: string | undefined;
  let payloadSize: number | undefined;
  let compactedOut: boolean | undefined;
  let eventTime: number | undefined;
  let partitionKeyB64Encoded: boolean | undefined;
  let orderingKey: Buffer | undefined;
  let sequenceId: number | undefined;
  let nullValue: boolean | undefined;
  let nullPartitionKey: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        (properties ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      case 2:
        partitionKey = readString(reader, tag);
        break;
      case 3:
        payloadSize = readInt32(reader, tag);
        break;
      case 4:
        compactedOut = readBool(reader, tag);
        break;
      case 5:
        eventTime = readForeignInt(reader, tag);
        break;
      case 6:
        partitionKeyB64Encoded = readBool(reader, tag);
        break;
      case 7:
        orderingKey = readBytes(reader, tag);
        break;
      case 8:
        sequenceId = readForeignInt(reader, tag);
        break;
      case 9:
        nullValue = readBool(reader, tag);
        break;
      case 10:
        nullPartitionKey = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    properties,
    partitionKey,
    payloadSize: required(payloadSize, 'SingleMessageMetadata.payload_size'),
    compactedOut,
    eventTime,
    partitionKeyB64Encoded,
    orderingKey,
    sequenceId,
    nullValue,
    nullPartitionKey,
  };
}
