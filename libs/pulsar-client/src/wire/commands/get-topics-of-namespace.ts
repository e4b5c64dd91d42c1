/*
 * CommandGetTopicsOfNamespace
 *    1 required uint64        request_id
 *    2 required string        namespace
 *    3 optional enum          mode = PERSISTENT
 *    4 optional string        topics_pattern
 *    5 optional string        topics_hash
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readInt32,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Numbers of `CommandGetTopicsOfNamespace.mode`. */
export const topicsMode = { persistent: 0, nonPersistent: 1, all: 2 } as const;

/** Asks for the topics of a namespace. */
export interface CommandGetTopicsOfNamespace {
  readonly requestId: number;
  readonly namespace: string;
  /** See {@link topicsMode}. */
  readonly mode?: number | undefined;
  readonly topicsPattern?: string | undefined;
  readonly topicsHash?: string | undefined;
}

export function encodeCommandGetTopicsOfNamespace(writer: ByteWriter, command: CommandGetTopicsOfNamespace): void {
  writeUint(writer, 1, command.requestId);
  writeString(writer, 2, command.namespace);
  writeInt(writer, 3, command.mode);
  writeString(writer, 4, command.topicsPattern);
  writeString(writer, 5, command.topicsHash);
}

export function decodeCommandGetTopicsOfNamespace(reader: ByteReader): CommandGetTopicsOfNamespace {
  let requestId: number | undefined;
  let namespace: string | undefined;
  let mode: number | undefined;
  let topicsPattern: string | undefined;
  let topicsHash: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        requestId = readUint(reader, tag);
        break;
      case 2:
        namespace = readString(reader, tag);
        break;
      case 3:
        mode = readInt32(reader, tag);
        break;
      case 4:
        topicsPattern = readString(reader, tag);
        break;
      case 5:
        topicsHash = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    requestId: required(requestId, 'CommandGetTopicsOfNamespace.request_id'),
    namespace: required(namespace, 'CommandGetTopicsOfNamespace.namespace'),
    mode,
    topicsPattern,
    topicsHash,
  };
}
