/*
 * CommandReachedEndOfTopic
 *    1 required uint64        consumer_id
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readTag, readUint, required, skipField, writeUint } from '../protobuf.ts';

/** The topic is terminated and its last message was delivered. */
export interface CommandReachedEndOfTopic {
  readonly consumerId: number;
}

export function encodeCommandReachedEndOfTopic(writer: ByteWriter, command: CommandReachedEndOfTopic): void {
  writeUint(writer, 1, command.consumerId);
}

export function decodeCommandReachedEndOfTopic(reader: ByteReader): CommandReachedEndOfTopic {
  let consumerId: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { consumerId: required(consumerId, 'CommandReachedEndOfTopic.consumer_id') };
}
