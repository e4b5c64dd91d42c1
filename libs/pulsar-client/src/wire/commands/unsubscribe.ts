/*
 * CommandUnsubscribe
 *    1 required uint64        consumer_id
 *    2 required uint64        request_id
 *    3 optional bool          force = false
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readBool, readTag, readUint, required, skipField, writeBool, writeUint } from '../protobuf.ts';

/** Deletes the consumer's subscription. */
export interface CommandUnsubscribe {
  readonly consumerId: number;
  readonly requestId: number;
  readonly force?: boolean | undefined;
}

export function encodeCommandUnsubscribe(writer: ByteWriter, command: CommandUnsubscribe): void {
  writeUint(writer, 1, command.consumerId);
  writeUint(writer, 2, command.requestId);
  writeBool(writer, 3, command.force);
}

export function decodeCommandUnsubscribe(reader: ByteReader): CommandUnsubscribe {
  let consumerId: number | undefined;
  let requestId: number | undefined;
  let force: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        requestId = readUint(reader, tag);
        break;
      case 3:
        force = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandUnsubscribe.consumer_id'),
    requestId: required(requestId, 'CommandUnsubscribe.request_id'),
    force,
  };
}
