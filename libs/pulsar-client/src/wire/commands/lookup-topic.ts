/*
 * CommandLookupTopic
 *    1 required string        topic
 *    2 required uint64        request_id
 *    3 optional bool          authoritative = false
 *    4 optional string        original_principal
 *    5 optional string        original_auth_data
 *    6 optional string        original_auth_method
 *    7 optional string        advertised_listener_name
 *    8 repeated KeyValue      properties
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyValue, encodeKeyValue } from '../key-value.ts';
import type { KeyValue } from '../key-value.ts';
import {
  readBool,
  readMessage,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeBool,
  writeMessage,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Asks which broker serves a topic. */
export interface CommandLookupTopic {
  readonly topic: string;
  readonly requestId: number;
  /** As told by the redirect that led here. */
  readonly authoritative?: boolean | undefined;
  readonly originalPrincipal?: string | undefined;
  readonly originalAuthData?: string | undefined;
  readonly originalAuthMethod?: string | undefined;
  readonly advertisedListenerName?: string | undefined;
  readonly properties?: readonly KeyValue[] | undefined;
}

export function encodeCommandLookupTopic(writer: ByteWriter, command: CommandLookupTopic): void {
  writeString(writer, 1, command.topic);
  writeUint(writer, 2, command.requestId);
  writeBool(writer, 3, command.authoritative);
  writeString(writer, 4, command.originalPrincipal);
  writeString(writer, 5, command.originalAuthData);
  writeString(writer, 6, command.originalAuthMethod);
  writeString(writer, 7, command.advertisedListenerName);
  if (command.properties !== undefined)
    for (const item of command.properties) writeMessage(writer, 8, item, encodeKeyValue);
}

export function decodeCommandLookupTopic(reader: ByteReader): CommandLookupTopic {
  let topic: string | undefined;
  let requestId: number | undefined;
  let authoritative: boolean | undefined;
  let originalPrincipal: string | undefined;
  let originalAuthData: string | undefined;
  let originalAuthMethod: string | undefined;
  let advertisedListenerName: string | undefined;
  let properties: KeyValue[] | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        topic = readString(reader, tag);
        break;
      case 2:
        requestId = readUint(reader, tag);
        break;
      case 3:
        authoritative = readBool(reader, tag);
        break;
      case 4:
        originalPrincipal = readString(reader, tag);
        break;
      case 5:
        originalAuthData = readString(reader, tag);
        break;
      case 6:
        originalAuthMethod = readString(reader, tag);
        break;
      case 7:
        advertisedListenerName = readString(reader, tag);
        break;
      case 8:
        (properties ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    topic: required(topic, 'CommandLookupTopic.topic'),
    requestId: required(requestId, 'CommandLookupTopic.request_id'),
    authoritative,
    originalPrincipal,
    originalAuthData,
    originalAuthMethod,
    advertisedListenerName,
    properties,
  };
}
