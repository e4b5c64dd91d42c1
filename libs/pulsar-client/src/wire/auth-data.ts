/*
 * AuthData
 *    1 optional string        auth_method_name
 *    2 optional bytes         auth_data
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readBytes, readString, readTag, skipField, writeBytes, writeString } from './protobuf.ts';

/** One step of an authentication exchange. */
export interface AuthData {
  readonly authMethodName?: string | undefined;
  readonly authData?: Buffer | undefined;
}

export function encodeAuthData(writer: ByteWriter, value: AuthData): void {
  writeString(writer, 1, value.authMethodName);
  writeBytes(writer, 2, value.authData);
}

export function decodeAuthData(reader: ByteReader): AuthData {
  let authMethodName: string | undefined;
  let authData: Buffer | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        authMethodName = readString(reader, tag);
        break;
      case 2:
        authData = readBytes(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { authMethodName, authData };
}
