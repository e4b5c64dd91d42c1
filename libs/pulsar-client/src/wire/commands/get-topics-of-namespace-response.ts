/*
 * CommandGetTopicsOfNamespaceResponse
 *    1 required uint64        request_id
 *    2 repeated string        topics
 *    3 optional bool          filtered = false
 *    4 optional string        topics_hash
 *    5 optional bool          changed = true
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readBool,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeBool,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** The topics of a namespace. */
export interface CommandGetTopicsOfNamespaceResponse {
  readonly requestId: number;
  readonly topics?: readonly string[] | undefined;
  /** The broker applied the pattern. */
  readonly filtered?: boolean | undefined;
  readonly topicsHash?: string | undefined;
  /** False: the same as the hash that was asked with, and `topics` is absent. */
  readonly changed?: boolean | undefined;
}

export function encodeCommandGetTopicsOfNamespaceResponse(
  writer: ByteWriter,
  command: CommandGetTopicsOfNamespaceResponse,
): void {
  writeUint(writer, 1, command.requestId);
  if (command.topics !== undefined) for (const item of command.topics) writeString(writer, 2, item);
  writeBool(writer, 3, command.filtered);
  writeString(writer, 4, command.topicsHash);
  writeBool(writer, 5, command.changed);
}

export function decodeCommandGetTopicsOfNamespaceResponse(reader: ByteReader): CommandGetTopicsOfNamespaceResponse {
  let requestId: number | undefined;
  let topics: string[] | undefined;
  let filtered: boolean | undefined;
  let topicsHash: string | undefined;
  let changed: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        requestId = readUint(reader, tag);
        break;
      case 2:
        (topics ??= []).push(readString(reader, tag));
        break;
      case 3:
        filtered = readBool(reader, tag);
        break;
      case 4:
        topicsHash = readString(reader, tag);
        break;
      case 5:
        changed = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    requestId: required(requestId, 'CommandGetTopicsOfNamespaceResponse.request_id'),
    topics,
    filtered,
    topicsHash,
    changed,
  };
}
