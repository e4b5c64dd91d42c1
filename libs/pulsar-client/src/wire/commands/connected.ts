/*
 * CommandConnected
 *    1 required string        server_version
 *    2 optional int32         protocol_version = 0
 *    3 optional int32         max_message_size
 *    4 optional FeatureFlags  feature_flags
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeFeatureFlags, encodeFeatureFlags } from '../feature-flags.ts';
import type { FeatureFlags } from '../feature-flags.ts';
import {
  readInt32,
  readMessage,
  readString,
  readTag,
  required,
  skipField,
  writeInt,
  writeMessage,
  writeString,
} from '../protobuf.ts';

/** The broker's answer to CONNECT. */
export interface CommandConnected {
  readonly serverVersion: string;
  readonly protocolVersion?: number | undefined;
  /** Bytes of metadata and payload that the broker takes in one entry. */
  readonly maxMessageSize?: number | undefined;
  readonly featureFlags?: FeatureFlags | undefined;
}

export function encodeCommandConnected(writer: ByteWriter, command: CommandConnected): void {
  writeString(writer, 1, command.serverVersion);
  writeInt(writer, 2, command.protocolVersion);
  writeInt(writer, 3, command.maxMessageSize);
  writeMessage(writer, 4, command.featureFlags, encodeFeatureFlags);
}

export function decodeCommandConnected(reader: ByteReader): CommandConnected {
  let serverVersion: string | undefined;
  let protocolVersion: number | undefined;
  let maxMessageSize: number | undefined;
  let featureFlags: FeatureFlags | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        serverVersion = readString(reader, tag);
        break;
      case 2:
        protocolVersion = readInt32(reader, tag);
        break;
      case 3:
        maxMessageSize = readInt32(reader, tag);
        break;
      case 4:
        featureFlags = readMessage(reader, tag, decodeFeatureFlags);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    serverVersion: required(serverVersion, 'CommandConnected.server_version'),
    protocolVersion,
    maxMessageSize,
    featureFlags,
  };
}
