/*
 * CommandPartitionedTopicMetadataResponse
 *    1 optional uint32        partitions
 *    2 required uint64        request_id
 *    3 optional enum          response
 *    4 optional enum          error
 *    5 optional string        message
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readInt32,
  readString,
  readTag,
  readUint,
  readUint32,
  required,
  skipField,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Numbers of `CommandPartitionedTopicMetadataResponse.response`. */
export const partitionedMetadataResult = { success: 0, failed: 1 } as const;

/** A topic's number of partitions. */
export interface CommandPartitionedTopicMetadataResponse {
  /** 0 for a topic that is not partitioned; absent where it failed. */
  readonly partitions?: number | undefined;
  readonly requestId: number;
  /** See {@link partitionedMetadataResult}. */
  readonly response?: number | undefined;
  /** See {@link serverErrorName}. */
  readonly error?: number | undefined;
  readonly message?: string | undefined;
}

export function encodeCommandPartitionedTopicMetadataResponse(
  writer: ByteWriter,
  command: CommandPartitionedTopicMetadataResponse,
): void {
  writeUint(writer, 1, command.partitions);
  writeUint(writer, 2, command.requestId);
  writeInt(writer, 3, command.response);
  writeInt(writer, 4, command.error);
  writeString(writer, 5, command.message);
}

export function decodeCommandPartitionedTopicMetadataResponse(
  reader: ByteReader,
): CommandPartitionedTopicMetadataResponse {
  let partitions: number | undefined;
  let requestId: number | undefined;
  let response: number | undefined;
  let error: number | undefined;
  let message: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        partitions = readUint32(reader, tag);
        break;
      case 2:
        requestId = readUint(reader, tag);
        break;
      case 3:
        response = readInt32(reader, tag);
        break;
      case 4:
        error = readInt32(reader, tag);
        break;
      case 5:
        message = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    partitions,
    requestId: required(requestId, 'CommandPartitionedTopicMetadataResponse.request_id'),
    response,
    error,
    message,
  };
}
