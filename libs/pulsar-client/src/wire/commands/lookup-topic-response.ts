/*
 * CommandLookupTopicResponse
 *    1 optional string        brokerServiceUrl
 *    2 optional string        brokerServiceUrlTls
 *    3 optional enum          response
 *    4 required uint64        request_id
 *    5 optional bool          authoritative = false
 *    6 optional enum          error
 *    7 optional string        message
 *    8 optional bool          proxy_through_service_url = false
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readBool,
  readInt32,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeBool,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Numbers of `CommandLookupTopicResponse.response`. */
export const lookupResult = { redirect: 0, connect: 1, failed: 2 } as const;

/** Which broker serves a topic, or which one to ask. */
export interface CommandLookupTopicResponse {
  readonly brokerServiceUrl?: string | undefined;
  readonly brokerServiceUrlTls?: string | undefined;
  /** See {@link lookupResult}. */
  readonly response?: number | undefined;
  readonly requestId: number;
  readonly authoritative?: boolean | undefined;
  /** See {@link serverErrorName}. */
  readonly error?: number | undefined;
  readonly message?: string | undefined;
  /** Connect through the service URL, naming the broker in CONNECT. */
  readonly proxyThroughServiceUrl?: boolean | undefined;
}

export function encodeCommandLookupTopicResponse(writer: ByteWriter, command: CommandLookupTopicResponse): void {
  writeString(writer, 1, command.brokerServiceUrl);
  writeString(writer, 2, command.brokerServiceUrlTls);
  writeInt(writer, 3, command.response);
  writeUint(writer, 4, command.requestId);
  writeBool(writer, 5, command.authoritative);
  writeInt(writer, 6, command.error);
  writeString(writer, 7, command.message);
  writeBool(writer, 8, command.proxyThroughServiceUrl);
}

export function decodeCommandLookupTopicResponse(reader: ByteReader): CommandLookupTopicResponse {
  let brokerServiceUrl: string | undefined;
  let brokerServiceUrlTls: string | undefined;
  let response: number | undefined;
  let requestId: number | undefined;
  let authoritative: boolean | undefined;
  let error: number | undefined;
  let message: string | undefined;
  let proxyThroughServiceUrl: boolean | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        brokerServiceUrl = readString(reader, tag);
        break;
      case 2:
        brokerServiceUrlTls = readString(reader, tag);
        break;
      case 3:
        response = readInt32(reader, tag);
        break;
      case 4:
        requestId = readUint(reader, tag);
        break;
      case 5:
        authoritative = readBool(reader, tag);
        break;
      case 6:
        error = readInt32(reader, tag);
        break;
      case 7:
        message = readString(reader, tag);
        break;
      case 8:
        proxyThroughServiceUrl = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    brokerServiceUrl,
    brokerServiceUrlTls,
    response,
    requestId: required(requestId, 'CommandLookupTopicResponse.request_id'),
    authoritative,
    error,
    message,
    proxyThroughServiceUrl,
  };
}
