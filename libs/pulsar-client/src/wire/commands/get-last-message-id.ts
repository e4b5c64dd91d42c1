/*
 * CommandGetLastMessageId
 *    1 required uint64        consumer_id
 *    2 required uint64        request_id
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readTag, readUint, required, skipField, writeUint } from '../protobuf.ts';

/** Asks for the topic's last message. */
export interface CommandGetLastMessageId {
  readonly consumerId: number;
  readonly requestId: number;
}

export function encodeCommandGetLastMessageId(writer: ByteWriter, command: CommandGetLastMessageId): void {
  writeUint(writer, 1, command.consumerId);
  writeUint(writer, 2, command.requestId);
}

export function decodeCommandGetLastMessageId(reader: ByteReader): CommandGetLastMessageId {
  let consumerId: number | undefined;
  let requestId: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        requestId = readUint(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandGetLastMessageId.consumer_id'),
    requestId: required(requestId, 'CommandGetLastMessageId.request_id'),
  };
}
