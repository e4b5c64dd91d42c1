/*
 * CommandSendError
 *    1 required uint64        producer_id
 *    2 required uint64        sequence_id
 *    3 required enum          error
 *    4 required string        message
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readInt,
  readInt32,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** The entry is not stored. */
export interface CommandSendError {
  readonly producerId: number;
  readonly sequenceId: number;
  /** See {@link serverErrorName}. */
  readonly error: number;
  readonly message: string;
}

export function encodeCommandSendError(writer: ByteWriter, command: CommandSendError): void {
  writeUint(writer, 1, command.producerId);
  writeInt(writer, 2, command.sequenceId);
  writeInt(writer, 3, command.error);
  writeString(writer, 4, command.message);
}

export function decodeCommandSendError(reader: ByteReader): CommandSendError {
  let producerId: number | undefined;
  let sequenceId: number | undefined;
  let error: number | undefined;
  let message: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        producerId = readUint(reader, tag);
        break;
      case 2:
        sequenceId = readInt(reader, tag);
        break;
      case 3:
        error = readInt32(reader, tag);
        break;
      case 4:
        message = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    producerId: required(producerId, 'CommandSendError.producer_id'),
    sequenceId: required(sequenceId, 'CommandSendError.sequence_id'),
    error: required(error, 'CommandSendError.error'),
    message: required(message, 'CommandSendError.message'),
  };
}
