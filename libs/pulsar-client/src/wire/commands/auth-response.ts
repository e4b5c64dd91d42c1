/*
 * CommandAuthResponse
 *    1 optional string        client_version
 *    2 optional AuthData      response
 *    3 optional int32         protocol_version = 0
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeAuthData, encodeAuthData } from '../auth-data.ts';
import type { AuthData } from '../auth-data.ts';
import {
  readInt32,
  readMessage,
  readString,
  readTag,
  skipField,
  writeInt,
  writeMessage,
  writeString,
} from '../protobuf.ts';

/** Answers AUTH_CHALLENGE. */
export interface CommandAuthResponse {
  readonly clientVersion?: string | undefined;
  readonly response?: AuthData | undefined;
  readonly protocolVersion?: number | undefined;
}

export function encodeCommandAuthResponse(writer: ByteWriter, command: CommandAuthResponse): void {
  writeString(writer, 1, command.clientVersion);
  writeMessage(writer, 2, command.response, encodeAuthData);
  writeInt(writer, 3, command.protocolVersion);
}

export function decodeCommandAuthResponse(reader: ByteReader): CommandAuthResponse {
  let clientVersion: string | undefined;
  let response: AuthData | undefined;
  let protocolVersion: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        clientVersion = readString(reader, tag);
        break;
      case 2:
        response = readMessage(reader, tag, decodeAuthData);
        break;
      case 3:
        protocolVersion = readInt32(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { clientVersion, response, protocolVersion };
}
