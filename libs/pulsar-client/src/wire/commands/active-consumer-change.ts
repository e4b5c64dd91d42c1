/*
 * CommandActiveConsumerChange
 *    1 required uint64        consumer_id
 *    2 optional bool          is_active = false
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readBool, readTag, readUint, required, skipField, writeBool, writeUint } from '../protobuf.ts';

/** Tells a Failover consumer whether it is the active one. */
export interface CommandActiveConsumerChange {
  readonly consumerId: number;
  readonly isActive?: boolean | undefined;
}

export function encodeCommandActiveConsumerChange(writer: ByteWriter, command: CommandActiveConsumerChange): void {
  writeUint(writer, 1, command.consumerId);
  writeBool(writer, 2, command.isActive);
}

export function decodeCommandActiveConsumerChange(reader: ByteReader): CommandActiveConsumerChange {
  let consumerId: number | undefined;
  let isActive: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        isActive = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { consumerId: required(consumerId, 'CommandActiveConsumerChange.consumer_id'), isActive };
}
