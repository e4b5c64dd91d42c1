/*
 * MessageMetadata
 *    1 required string        producer_name
 *    2 required uint64        sequence_id
 *    3 required uint64        publish_time
 *    4 repeated KeyValue      properties
 *    5 optional string        replicated_from
 *    6 optional string        partition_key
 *    7 repeated string        replicate_to
 *    8 optional enum          compression = NONE
 *    9 optional uint32        uncompressed_size = 0
 *   11 optional int32         num_messages_in_batch = 1
 *   12 optional uint64        event_time = 0
 *   13 repeated bytes         encryption_keys
 *   14 optional string        encryption_algo
 *   15 optional bytes         encryption_param
 *   16 optional bytes         schema_version
 *   17 optional bool          partition_key_b64_encoded = false
 *   18 optional bytes         ordering_key
 *   19 optional int64         deliver_at_time
 *   20 optional int32         marker_type
 *   22 optional uint64        txnid_least_bits
 *   23 optional uint64        txnid_most_bits
 *   24 optional uint64        highest_sequence_id = 0
 *   25 optional bool          null_value = false
 *   26 optional string        uuid
 *   27 optional int32         num_chunks_from_msg
 *   28 optional int32         total_chunk_msg_size
 *   29 optional int32         chunk_id
 *   30 optional bool          null_partition_key = false
 *   31 repeated int32         compacted_batch_indexes
 *   32 optional bytes         schema_id
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyValue, encodeKeyValue } from './key-value.ts';
import type { KeyValue } from './key-value.ts';
import {
  readBool,
  readBytes,
  readForeignInt,
  readInt32,
  readInt32s,
  readInt64,
  readMessage,
  readString,
  readTag,
  readUint32,
  required,
  skipField,
  writeBool,
  writeBytes,
  writeInt,
  writeInt64,
  writeMessage,
  writeString,
  writeUint,
} from './protobuf.ts';

/** Numbers of `MessageMetadata.compression`. */
export const compressionType = { none: 0, lz4: 1, zlib: 2, zstd: 3, snappy: 4 } as const;

/** Metadata of an entry: a single message or a whole batch. Integers beyond 2^53 come from foreign producers and are rounded, not refused. */
export interface MessageMetadata {
  readonly producerName: string;
  readonly sequenceId: number;
  /** Milliseconds since 1970. */
  readonly publishTime: number;
  readonly properties?: readonly KeyValue[] | undefined;
  readonly replicatedFrom?: string | undefined;
  readonly partitionKey?: string | undefined;
  readonly replicateTo?: readonly string[] | undefined;
  /** See {@link compressionType}. */
  readonly compression?: number | undefined;
  readonly uncompressedSize?: number | undefined;
  /** Present, even if 1: the payload is a batch. Absent: it is one message. */
  readonly numMessagesInBatch?: number | undefined;
  /** Milliseconds since 1970. */
  readonly eventTime?: number | undefined;
  /** Each an encoded `EncryptionKeys` message, as it came. */
  readonly encryptionKeys?: readonly Buffer[] | undefined;
  readonly encryptionAlgo?: string | undefined;
  readonly encryptionParam?: Buffer | undefined;
  readonly schemaVersion?: Buffer | undefined;
  readonly partitionKeyB64Encoded?: boolean | undefined;
  readonly orderingKey?: Buffer | undefined;
  /** Milliseconds since 1970. */
  readonly deliverAtTime?: number | undefined;
  /** Present: a marker of the broker's own, not a message. */
  readonly markerType?: number | undefined;
  readonly txnidLeastBits?: bigint | undefined;
  readonly txnidMostBits?: bigint | undefined;
  readonly highestSequenceId?: number | undefined;
  readonly nullValue?: boolean | undefined;
  readonly uuid?: string | undefined;
  readonly numChunksFromMsg?: number | undefined;
  readonly totalChunkMsgSize?: number | undefined;
  readonly chunkId?: number | undefined;
  readonly nullPartitionKey?: boolean | undefined;
  /** Messages of the batch that a compaction by another rule than the newest of each key took out. */
  readonly compactedBatchIndexes?: readonly number[] | undefined;
  readonly schemaId?: Buffer | undefined;
}

export function encodeMessageMetadata(writer: ByteWriter, value: MessageMetadata): void {
  writeString(writer, 1, value.producerName);
  writeInt(writer, 2, value.sequenceId);
  writeInt(writer, 3, value.publishTime);
  if (value.properties !== undefined)
    for (const item of value.properties) writeMessage(writer, 4, item, encodeKeyValue);
  writeString(writer, 5, value.replicatedFrom);
  writeString(writer, 6, value.partitionKey);
  if (value.replicateTo !== undefined) for (const item of value.replicateTo) writeString(writer, 7, item);
  writeInt(writer, 8, value.compression);
  writeUint(writer, 9, value.uncompressedSize);
  writeInt(writer, 11, value.numMessagesInBatch);
  writeInt(writer, 12, value.eventTime);
  if (value.encryptionKeys !== undefined) for (const item of value.encryptionKeys) writeBytes(writer, 13, item);
  writeString(writer, 14, value.encryptionAlgo);
  writeBytes(writer, 15, value.encryptionParam);
  writeBytes(writer, 16, value.schemaVersion);
  writeBool(writer, 17, value.partitionKeyB64Encoded);
  writeBytes(writer, 18, value.orderingKey);
  writeInt(writer, 19, value.deliverAtTime);
  writeInt(writer, 20, value.markerType);
  writeInt64(writer, 22, value.txnidLeastBits);
  writeInt64(writer, 23, value.txnidMostBits);
  writeInt(writer, 24, value.highestSequenceId);
  writeBool(writer, 25, value.nullValue);
  writeString(writer, 26, value.uuid);
  writeInt(writer, 27, value.numChunksFromMsg);
  writeInt(writer, 28, value.totalChunkMsgSize);
  writeInt(writer, 29, value.chunkId);
  writeBool(writer, 30, value.nullPartitionKey);
  if (value.compactedBatchIndexes !== undefined)
    for (const item of value.compactedBatchIndexes) writeInt(writer, 31, item);
  writeBytes(writer, 32, value.schemaId);
}

export function decodeMessageMetadata(reader: ByteReader): MessageMetadata {
  let producerName: string | undefined;
  let sequenceId: number | undefined;
  let publishTime: number | undefined;
  let properties: KeyValue[] | undefined;
  let replicatedFrom: string | undefined;
  let partitionKey: string | undefined;
  let replicateTo: string[] | undefined;
  let compression: number | undefined;
  let uncompressedSize: number | undefined;
  let numMessagesInBatch: number | undefined;
  let eventTime: number | undefined;
  let encryptionKeys: Buffer[] | undefined;
  let encryptionAlgo: string | undefined;
  let encryptionParam: Buffer | undefined;
  let schemaVersion: Buffer | undefined;
  let partitionKeyB64Encoded: boolean | undefined;
  let orderingKey: Buffer | undefined;
  let deliverAtTime: number | undefined;
  let markerType: number | undefined;
  let txnidLeastBits: bigint | undefined;
  let txnidMostBits: bigint | undefined;
  let highestSequenceId: number | undefined;
  let nullValue: boolean | undefined;
  let uuid: string | undefined;
  let numChunksFromMsg: number | undefined;
  let totalChunkMsgSize: number | undefined;
  let chunkId: number | undefined;
  let nullPartitionKey: boolean | undefined;
  let compactedBatchIndexes: number[] | undefined;
  let schemaId: Buffer | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        producerName = readString(reader, tag);
        break;
      case 2:
        sequenceId = readForeignInt(reader, tag);
        break;
      case 3:
        publishTime = readForeignInt(reader, tag);
        break;
      case 4:
        (properties ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      case 5:
        replicatedFrom = readString(reader, tag);
        break;
      case 6:
        partitionKey = readString(reader, tag);
        break;
      case 7:
        (replicateTo ??= []).push(readString(reader, tag));
        break;
      case 8:
        compression = readInt32(reader, tag);
        break;
      case 9:
        uncompressedSize = readUint32(reader, tag);
        break;
      case 11:
        numMessagesInBatch = readInt32(reader, tag);
        break;
      case 12:
        eventTime = readForeignInt(reader, tag);
        break;
      case 13:
        (encryptionKeys ??= []).push(readBytes(reader, tag));
        break;
      case 14:
        encryptionAlgo = readString(reader, tag);
        break;
      case 15:
        encryptionParam = readBytes(reader, tag);
        break;
      case 16:
        schemaVersion = readBytes(reader, tag);
        break;
      case 17:
        partitionKeyB64Encoded = readBool(reader, tag);
        break;
      case 18:
        orderingKey = readBytes(reader, tag);
        break;
      case 19:
        deliverAtTime = readForeignInt(reader, tag);
        break;
      case 20:
        markerType = readInt32(reader, tag);
        break;
      case 22:
        txnidLeastBits = readInt64(reader, tag);
        break;
      case 23:
        txnidMostBits = readInt64(reader, tag);
        break;
      case 24:
        highestSequenceId = readForeignInt(reader, tag);
        break;
      case 25:
        nullValue = readBool(reader, tag);
        break;
      case 26:
        uuid = readString(reader, tag);
        break;
      case 27:
        numChunksFromMsg = readInt32(reader, tag);
        break;
      case 28:
        totalChunkMsgSize = readInt32(reader, tag);
        break;
      case 29:
        chunkId = readInt32(reader, tag);
        break;
      case 30:
        nullPartitionKey = readBool(reader, tag);
        break;
      case 31:
        compactedBatchIndexes = readInt32s(reader, tag, compactedBatchIndexes);
        break;
      case 32:
        schemaId = readBytes(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    producerName: required(producerName, 'MessageMetadata.producer_name'),
    sequenceId: required(sequenceId, 'MessageMetadata.sequence_id'),
    publishTime: required(publishTime, 'MessageMetadata.publish_time'),
    properties,
    replicatedFrom,
    partitionKey,
    replicateTo,
    compression,
    uncompressedSize,
    numMessagesInBatch,
    eventTime,
    encryptionKeys,
    encryptionAlgo,
    encryptionParam,
    schemaVersion,
    partitionKeyB64Encoded,
    orderingKey,
    deliverAtTime,
    markerType,
    txnidLeastBits,
    txnidMostBits,
    highestSequenceId,
    nullValue,
    uuid,
    numChunksFromMsg,
    totalChunkMsgSize,
    chunkId,
    nullPartitionKey,
    compactedBatchIndexes,
    schemaId,
  };
}
