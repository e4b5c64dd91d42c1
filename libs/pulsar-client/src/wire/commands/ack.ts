/*
 * CommandAck
 *    1 required uint64        consumer_id
 *    2 required enum          ack_type
 *    3 repeated MessageIdData message_id
 *    4 optional enum          validation_error
 *    5 repeated KeyLongValue  properties
 *    6 optional uint64        txnid_least_bits = 0
 *    7 optional uint64        txnid_most_bits = 0
 *    8 optional uint64        request_id
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyLongValue, encodeKeyLongValue } from '../key-long-value.ts';
import type { KeyLongValue } from '../key-long-value.ts';
import { decodeMessageIdData, encodeMessageIdData } from '../message-id.ts';
import type { MessageIdData } from '../message-id.ts';
import {
  readInt32,
  readInt64,
  readMessage,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeInt64,
  writeMessage,
  writeUint,
} from '../protobuf.ts';

/** Numbers of `CommandAck.ackType`. */
export const ackType = { individual: 0, cumulative: 1 } as const;

/** Numbers of `CommandAck.validationError`: why a message was discarded before the application saw it. */
export const validationError = {
  uncompressedSizeCorruption: 0,
  decompressionError: 1,
  checksumMismatch: 2,
  batchDeserializeError: 3,
  decryptionError: 4,
} as const;

/** Acknowledges entries or, with ack sets, messages in them. */
export interface CommandAck {
  readonly consumerId: number;
  /** See {@link ackType}. */
  readonly ackType: number;
  readonly messageId?: readonly MessageIdData[] | undefined;
  /** See {@link validationError}. */
  readonly validationError?: number | undefined;
  readonly properties?: readonly KeyLongValue[] | undefined;
  readonly txnidLeastBits?: bigint | undefined;
  readonly txnidMostBits?: bigint | undefined;
  /** Asks for an ACK_RESPONSE. */
  readonly requestId?: number | undefined;
}

export function encodeCommandAck(writer: ByteWriter, command: CommandAck): void {
  writeUint(writer, 1, command.consumerId);
  writeInt(writer, 2, command.ackType);
  if (command.messageId !== undefined)
    for (const item of command.messageId) writeMessage(writer, 3, item, encodeMessageIdData);
  writeInt(writer, 4, command.validationError);
  if (command.properties !== undefined)
    for (const item of command.properties) writeMessage(writer, 5, item, encodeKeyLongValue);
  writeInt64(writer, 6, command.txnidLeastBits);
  writeInt64(writer, 7, command.txnidMostBits);
  writeUint(writer, 8, command.requestId);
}

export function decodeCommandAck(reader: ByteReader): CommandAck {
  let consumerId: number | undefined;
  let ackType: number | undefined;
  let messageId: MessageIdData[] | undefined;
  let validationError: number | undefined;
  let properties: KeyLongValue[] | undefined;
  let txnidLeastBits: bigint | undefined;
  let txnidMostBits: bigint | undefined;
  let requestId: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        ackType = readInt32(reader, tag);
        break;
      case 3:
        (messageId ??= []).push(readMessage(reader, tag, decodeMessageIdData));
        break;
      case 4:
        validationError = readInt32(reader, tag);
        break;
      case 5:
        (properties ??= []).push(readMessage(reader, tag, decodeKeyLongValue));
        break;
      case 6:
        txnidLeastBits = readInt64(reader, tag);
        break;
      case 7:
        txnidMostBits = readInt64(reader, tag);
        break;
      case 8:
        requestId = readUint(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandAck.consumer_id'),
    ackType: required(ackType, 'CommandAck.ack_type'),
    messageId,
    validationError,
    properties,
    txnidLeastBits,
    txnidMostBits,
    requestId,
  };
}
