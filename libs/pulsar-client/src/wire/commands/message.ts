/*
 * CommandMessage
 *    1 required uint64        consumer_id
 *    2 required MessageIdData message_id
 *    3 optional uint32        redelivery_count = 0
 *    4 repeated int64         ack_set
 *    5 optional uint64        consumer_epoch
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
import {
  readInt,
  readInt64s,
  readMessage,
  readTag,
  readUint,
  readUint32,
  required,
  skipField,
  writeInt,
  writeInt64,
  writeMessage,
  writeUint,
} from '../protobuf.ts';

/** Delivers one entry, whose metadata and payload follow in the same frame. */
export interface CommandMessage {
  readonly consumerId: number;
  readonly messageId: MessageIdData;
  readonly redeliveryCount?: number | undefined;
  /** Bits of the batch that are still unacknowledged, 64 a word. */
  readonly ackSet?: readonly bigint[] | undefined;
  readonly consumerEpoch?: number | undefined;
}

export function encodeCommandMessage(writer: ByteWriter, command: CommandMessage): void {
  writeUint(writer, 1, command.consumerId);
  writeMessage(writer, 2, command.messageId, encodeMessageIdData);
  writeUint(writer, 3, command.redeliveryCount);
  if (command.ackSet !== undefined) for (const item of command.ackSet) writeInt64(writer, 4, item);
  writeInt(writer, 5, command.consumerEpoch);
}

export function decodeCommandMessage(reader: ByteReader): CommandMessage {
  let consumerId: number | undefined;
  let messageId: MessageIdData | undefined;
  let redeliveryCount: number | undefined;
  let ackSet: bigint[] | undefined;
  let consumerEpoch: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        messageId = readMessage(reader, tag, decodeMessageIdData);
        break;
      case 3:
        redeliveryCount = readUint32(reader, tag);
        break;
      case 4:
        ackSet = readInt64s(reader, tag, ackSet);
        break;
      case 5:
        consumerEpoch = readInt(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandMessage.consumer_id'),
    messageId: required(messageId, 'CommandMessage.message_id'),
    redeliveryCount,
    ackSet,
    consumerEpoch,
  };
}
