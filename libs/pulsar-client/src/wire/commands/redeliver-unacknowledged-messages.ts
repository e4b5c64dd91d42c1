/*
 * CommandRedeliverUnacknowledgedMessages
 *    1 required uint64        consumer_id
 *    2 repeated MessageIdData message_ids
 *    3 optional uint64        consumer_epoch
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
import {
  readInt,
  readMessage,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeMessage,
  writeUint,
} from '../protobuf.ts';

/** Asks for messages again: those named, or all that are unacknowledged where none is. */
export interface CommandRedeliverUnacknowledgedMessages {
  readonly consumerId: number;
  readonly messageIds?: readonly MessageIdData[] | undefined;
  readonly consumerEpoch?: number | undefined;
}

export function encodeCommandRedeliverUnacknowledgedMessages(
  writer: ByteWriter,
  command: CommandRedeliverUnacknowledgedMessages,
): void {
  writeUint(writer, 1, command.consumerId);
  if (command.messageIds !== undefined)
    for (const item of command.messageIds) writeMessage(writer, 2, item, encodeMessageIdData);
  writeInt(writer, 3, command.consumerEpoch);
}

export function decodeCommandRedeliverUnacknowledgedMessages(
  reader: ByteReader,
): CommandRedeliverUnacknowledgedMessages {
  let consumerId: number | undefined;
  let messageIds: MessageIdData[] | undefined;
  let consumerEpoch: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        (messageIds ??= []).push(readMessage(reader, tag, decodeMessageIdData));
        break;
      case 3:
        consumerEpoch = readInt(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandRedeliverUnacknowledgedMessages.consumer_id'),
    messageIds,
    consumerEpoch,
  };
}
