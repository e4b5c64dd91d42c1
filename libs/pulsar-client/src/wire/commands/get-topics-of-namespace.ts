/*
 * CommandGetTopicsOfNamespace
 *    1 required uint64        request_id
 *    2 required string        namespace
 *    3 optional enum          mode = PERSISTENT
 *    4 optional string        topics_pattern
 *    5 optional string        topics_hash
 *    6 repeated KeyValue      properties
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyValue, encodeKeyValue } from '../key-value.ts';
import type { KeyValue } from '../key-value.ts';
import {
  readInt32,
  readMessage,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeMessage,
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
  readonly properties?: readonly KeyValue[] | undefined;
}

export function encodeCommandGetTopicsOfNamespace(writer: ByteWriter, command: CommandGetTopicsOfNamespace): void {
  writeUint(writer, 1, command.requestId);
  writeString(writer, 2, command.namespace);
  writeInt(writer, 3, command.mode);
  writeString(writer, 4, command.topicsPattern);
  writeString(writer, 5, command.topicsHash);
  if (command.properties !== undefined)
    for (const item of command.properties) writeMessage(writer, 6, item, encodeKeyValue);
}

export function decodeCommandGetTopicsOfNamespace(reader: ByteReader): CommandGetTopicsOfNamespace {
  let requestId: number | undefined;
  let namespace: string | undefined;
  let mode: number | undefined;
  let topicsPattern: string | undefined;
  let topicsHash: string | undefined;
  let properties: KeyValue[] | undefined;
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
      case 6:
        (properties ??= []).push(readMessage(reader, tag, decodeKeyValue));
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
    properties,
  };
}
