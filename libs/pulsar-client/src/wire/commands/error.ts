/*
 * CommandError
 *    1 required uint64        request_id
 *    2 required enum          error
 *    3 required string        message
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readInt, readInt32, readString, readTag, required, skipField, writeInt, writeString } from '../protobuf.ts';

/** A request failed. */
export interface CommandError {
  /** −1: what failed is the connection itself. */
  readonly requestId: number;
  /** See {@link serverErrorName}. */
  readonly error: number;
  readonly message: string;
}

export function encodeCommandError(writer: ByteWriter, command: CommandError): void {
  writeInt(writer, 1, command.requestId);
  writeInt(writer, 2, command.error);
  writeString(writer, 3, command.message);
}

export function decodeCommandError(reader: ByteReader): CommandError {
  let requestId: number | undefined;
  let error: number | undefined;
  let message: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        requestId = readInt(reader, tag);
        break;
      case 2:
        error = readInt32(reader, tag);
        break;
      case 3:
        message = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    requestId: required(requestId, 'CommandError.request_id'),
    error: required(error, 'CommandError.error'),
    message: required(message, 'CommandError.message'),
  };
}
