/*
 * CommandSend
 *    1 required uint64        producer_id
 *    2 required uint64        sequence_id
 *    3 optional int32         num_messages = 1
 *    4 optional uint64        txnid_least_bits = 0
 *    5 optional uint64        txnid_most_bits = 0
 *    6 optional uint64        highest_sequence_id = 0
 *    7 optional bool          is_chunk = false
 *    8 optional bool          marker = false
 *    9 optional MessageIdData message_id
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
import {
  readBool,
  readInt,
  readInt32,
  readInt64,
  readMessage,
  readTag,
  readUint,
  required,
  skipField,
  writeBool,
  writeInt,
  writeInt64,
  writeMessage,
  writeUint,
} from '../protobuf.ts';

/** Publishes one entry, whose metadata and payload follow in the same frame. */
export interface CommandSend {
  readonly producerId: number;
  /** Of the first message of the batch. */
  readonly sequenceId: number;
  readonly numMessages?: number | undefined;
  readonly txnidLeastBits?: bigint | undefined;
  readonly txnidMostBits?: bigint | undefined;
  /** Of the last message of the batch. */
  readonly highestSequenceId?: number | undefined;
  readonly isChunk?: boolean | undefined;
  readonly marker?: boolean | undefined;
  readonly messageId?: MessageIdData | undefined;
}

export function encodeCommandSend(writer: ByteWriter, command: CommandSend): void {
  writeUint(writer, 1, command.producerId);
  writeInt(writer, 2, command.sequenceId);
  writeInt(writer, 3, command.numMessages);
  writeInt64(writer, 4, command.txnidLeastBits);
  writeInt64(writer, 5, command.txnidMostBits);
  writeInt(writer, 6, command.highestSequenceId);
  writeBool(writer, 7, command.isChunk);
  writeBool(writer, 8, command.marker);
  writeMessage(writer, 9, command.messageId, encodeMessageIdData);
}

export function decodeCommandSend(reader: ByteReader): CommandSend {
  let producerId: number | undefined;
  let sequenceId: number | undefined;
  let numMessages: number | undefined;
  let txnidLeastBits: bigint | undefined;
  let txnidMostBits: bigint | undefined;
  let highestSequenceId: number | undefined;
  let isChunk: boolean | undefined;
  let marker: boolean | undefined;
  let messageId: MessageIdData | undefined;
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
        numMessages = readInt32(reader, tag);
        break;
      case 4:
        txnidLeastBits = readInt64(reader, tag);
        break;
      case 5:
        txnidMostBits = readInt64(reader, tag);
        break;
      case 6:
        highestSequenceId = readInt(reader, tag);
        break;
      case 7:
        isChunk = readBool(reader, tag);
        break;
      case 8:
        marker = readBool(reader, tag);
        break;
      case 9:
        messageId = readMessage(reader, tag, decodeMessageIdData);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    producerId: required(producerId, 'CommandSend.producer_id'),
    sequenceId: required(sequenceId, 'CommandSend.sequence_id'),
    numMessages,
    txnidLeastBits,
    txnidMostBits,
    highestSequenceId,
    isChunk,
    marker,
    messageId,
  };
}
