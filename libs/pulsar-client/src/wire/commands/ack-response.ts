/*
 * CommandAckResponse
 *    1 required uint64        consumer_id
 *    2 optional uint64        txnid_least_bits = 0
 *    3 optional uint64        txnid_most_bits = 0
 *    4 optional enum          error
 *    5 optional string        message
 *    6 optional uint64        request_id
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readInt32,
  readInt64,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeInt64,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Answers an ACK that carried a request id. */
export interface CommandAckResponse {
  readonly consumerId: number;
  readonly txnidLeastBits?: bigint | undefined;
  readonly txnidMostBits?: bigint | undefined;
  /** See {@link serverErrorName}. */
  readonly error?: number | undefined;
  readonly message?: string | undefined;
  readonly requestId?: number | undefined;
}

export function encodeCommandAckResponse(writer: ByteWriter, command: CommandAckResponse): void {
  writeUint(writer, 1, command.consumerId);
  writeInt64(writer, 2, command.txnidLeastBits);
  writeInt64(writer, 3, command.txnidMostBits);
  writeInt(writer, 4, command.error);
  writeString(writer, 5, command.message);
  writeUint(writer, 6, command.requestId);
}

export function decodeCommandAckResponse(reader: ByteReader): CommandAckResponse {
  let consumerId: number | undefined;
  let txnidLeastBits: bigint | undefined;
  let txnidMostBits: bigint | undefined;
  let error: number | undefined;
  let message: string | undefined;
  let requestId: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        txnidLeastBits = readInt64(reader, tag);
        break;
      case 3:
        txnidMostBits = readInt64(reader, tag);
        break;
      case 4:
        error = readInt32(reader, tag);
        break;
      case 5:
        message = readString(reader, tag);
        break;
      case 6:
        requestId = readUint(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandAckResponse.consumer_id'),
    txnidLeastBits,
    txnidMostBits,
    error,
    message,
    requestId,
  };
}
