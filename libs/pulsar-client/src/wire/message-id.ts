/*
 * MessageIdData
 *    1 required uint64        ledgerId
 *    2 required uint64        entryId
 *    3 optional int32         partition = -1
 *    4 optional int32         batch_index = -1
 *    5 repeated int64         ack_set
 *    6 optional int32         batch_size
 *    7 optional MessageIdData first_chunk_message_id
 */
import { ByteReader, ByteWriter } from '@pharos/bytes';
import { asWireError, WireError } from './errors.ts';
import {
  readInt32,
  readInt64,
  readInt64s,
  readMessage,
  readTag,
  required,
  skipField,
  writeInt,
  writeInt64,
  writeMessage,
} from './protobuf.ts';

/** Where an entry, or one message of a batch in it, lies in a topic. */
export interface MessageIdData {
  /** Signed, as Java's long: −1 in {@link earliestMessageId}, 2^63 − 1 in {@link latestMessageId}. */
  readonly ledgerId: bigint;
  readonly entryId: bigint;
  /** Absent or −1: not partitioned. */
  readonly partition?: number | undefined;
  /** Absent or −1: not in a batch, or the whole batch. */
  readonly batchIndex?: number | undefined;
  /** One bit per message of the batch, 64 a word, lowest first; a set bit is not acknowledged. */
  readonly ackSet?: readonly bigint[] | undefined;
  readonly batchSize?: number | undefined;
  /** Of a chunked message: where its first chunk lies. */
  readonly firstChunkMessageId?: MessageIdData | undefined;
}

const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/** Before the first message of a topic. */
export const earliestMessageId: MessageIdData = { ledgerId: -1n, entryId: -1n };

/** After the last message of a topic. */
export const latestMessageId: MessageIdData = { ledgerId: MAX_INT64, entryId: MAX_INT64 };

export function encodeMessageIdData(writer: ByteWriter, id: MessageIdData): void {
  writeInt64(writer, 1, id.ledgerId);
  writeInt64(writer, 2, id.entryId);
  writeInt(writer, 3, id.partition);
  writeInt(writer, 4, id.batchIndex);
  if (id.ackSet !== undefined) for (const word of id.ackSet) writeInt64(writer, 5, word);
  writeInt(writer, 6, id.batchSize);
  writeMessage(writer, 7, id.firstChunkMessageId, encodeMessageIdData);
}

export function decodeMessageIdData(reader: ByteReader): MessageIdData {
  return decode(reader, decodeInnermost);
}

/** A first chunk has no first chunk of its own: without this end, a hostile nesting would exhaust the stack. */
function decodeInnermost(reader: ByteReader): MessageIdData {
  return decode(reader, undefined);
}

function decode(
  reader: ByteReader,
  decodeFirstChunk: ((reader: ByteReader) => MessageIdData) | undefined,
): MessageIdData {
  let ledgerId: bigint | undefined;
  let entryId: bigint | undefined;
  let partition: number | undefined;
  let batchIndex: number | undefined;
  let ackSet: bigint[] | undefined;
  let batchSize: number | undefined;
  let firstChunkMessageId: MessageIdData | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        ledgerId = readInt64(reader, tag);
        break;
      case 2:
        entryId = readInt64(reader, tag);
        break;
      case 3:
        partition = readInt32(reader, tag);
        break;
      case 4:
        batchIndex = readInt32(reader, tag);
        break;
      case 5:
        ackSet = readInt64s(reader, tag, ackSet);
        break;
      case 6:
        batchSize = readInt32(reader, tag);
        break;
      case 7:
        if (decodeFirstChunk === undefined) skipField(reader, tag);
        else firstChunkMessageId = readMessage(reader, tag, decodeFirstChunk);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    ledgerId: required(ledgerId, 'MessageIdData.ledgerId'),
    entryId: required(entryId, 'MessageIdData.entryId'),
    partition,
    batchIndex,
    ackSet,
    batchSize,
    firstChunkMessageId,
  };
}

/** The bytes that the official clients' `serialize` gives: fields that say nothing (partition −1, batch size 0) are left out. */
export function serializeMessageId(id: MessageIdData): Buffer {
  const writer = new ByteWriter(64);
  encodeMessageIdData(writer, withoutDefaults(id));
  return writer.copy();
}

/**
 * Reads what {@link serializeMessageId} or an official client wrote.
 *
 * @throws {WireError} `bad_message_id`
 */
export function deserializeMessageId(bytes: Uint8Array): MessageIdData {
  try {
    return decodeMessageIdData(new ByteReader(bytes));
  } catch (error) {
    const cause = asWireError(error, 'message id');
    if (!(cause instanceof WireError)) throw error;
    throw new WireError('bad_message_id', `not a serialized message id: ${cause.message}`, { cause });
  }
}

/** Below 0, 0 or above 0, in the order that the official clients use: ledger, entry, partition, batch index. */
export function compareMessageIds(a: MessageIdData, b: MessageIdData): number {
  if (a.ledgerId !== b.ledgerId) return a.ledgerId < b.ledgerId ? -1 : 1;
  if (a.entryId !== b.entryId) return a.entryId < b.entryId ? -1 : 1;
  return (a.partition ?? -1) - (b.partition ?? -1) || (a.batchIndex ?? -1) - (b.batchIndex ?? -1);
}

function withoutDefaults(id: MessageIdData): MessageIdData {
  const { partition = -1, batchIndex = -1, batchSize = 0, firstChunkMessageId } = id;
  return {
    ledgerId: id.ledgerId,
    entryId: id.entryId,
    partition: partition >= 0 ? partition : undefined,
    batchIndex: batchIndex >= 0 ? batchIndex : undefined,
    ackSet: id.ackSet,
    batchSize: batchSize > 0 ? batchSize : undefined,
    firstChunkMessageId: firstChunkMessageId === undefined ? undefined : withoutDefaults(firstChunkMessageId),
  };
}
