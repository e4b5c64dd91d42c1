/*
 * CommandAuthChallenge
 *    1 optional string        server_version
 *    2 optional AuthData      challenge
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

/** The broker wants (new) credentials. */
export interface CommandAuthChallenge {
  readonly serverVersion?: string | undefined;
  readonly challenge?: AuthData | undefined;
  readonly protocolVersion?: number | undefined;
}

export function encodeCommandAuthChallenge(writer: ByteWriter, command: CommandAuthChallenge): void {
  writeString(writer, 1, command.serverVersion);
  writeMessage(writer, 2, command.challenge, encodeAuthData);
  writeInt(writer, 3, command.protocolVersion);
}

export function decodeCommandAuthChallenge(reader: ByteReader): CommandAuthChallenge {
  let serverVersion: string | undefined;
  let challenge: AuthData | undefined;
  let protocolVersion: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        serverVersion = readString(reader, tag);
        break;
      case 2:
        challenge = readMessage(reader, tag, decodeAuthData);
        break;
      case 3:
        protocolVersion = readInt32(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { serverVersion, challenge, protocolVersion };
}
