/*
 * CommandSendReceipt
 *    1 required uint64        producer_id
 *    2 required uint64        sequence_id
 *    3 optional MessageIdData message_id
 *    4 optional uint64        highest_sequence_id = 0
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

/** The entry is stored. */
export interface CommandSendReceipt {
  readonly producerId: number;
  readonly sequenceId: number;
  /** Ledger and entry are -1 where deduplication swallowed the entry. */
  readonly messageId?: MessageIdData | undefined;
  readonly highestSequenceId?: number | undefined;
}

export function encodeCommandSendReceipt(writer: ByteWriter, command: CommandSendReceipt): void {
  writeUint(writer, 1, command.producerId);
  writeInt(writer, 2, command.sequenceId);
  writeMessage(writer, 3, command.messageId, encodeMessageIdData);
  writeInt(writer, 4, command.highestSequenceId);
}

export function decodeCommandSendReceipt(reader: ByteReader): CommandSendReceipt {
  let producerId: number | undefined;
  let sequenceId: number | undefined;
  let messageId: MessageIdData | undefined;
  let highestSequenceId: number | undefined;
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
        messageId = readMessage(reader, tag, decodeMessageIdData);
        break;
      case 4:
        highestSequenceId = readInt(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    producerId: required(producerId, 'CommandSendReceipt.producer_id'),
    sequenceId: required(sequenceId, 'CommandSendReceipt.sequence_id'),
    messageId,
    highestSequenceId,
  };
}
