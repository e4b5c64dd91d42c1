/*
 * CommandConnect
 *    1 required string        client_version
 *    2 optional enum          auth_method
 *    3 optional bytes         auth_data
 *    4 optional int32         protocol_version = 0
 *    5 optional string        auth_method_name
 *    6 optional string        proxy_to_broker_url
 *    7 optional string        original_principal
 *    8 optional string        original_auth_data
 *    9 optional string        original_auth_method
 *   10 optional FeatureFlags  feature_flags
 *   11 optional string        proxy_version
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeFeatureFlags, encodeFeatureFlags } from '../feature-flags.ts';
import type { FeatureFlags } from '../feature-flags.ts';
import {
  readBytes,
  readInt32,
  readMessage,
  readString,
  readTag,
  required,
  skipField,
  writeBytes,
  writeInt,
  writeMessage,
  writeString,
} from '../protobuf.ts';

/** First frame of a client. */
export interface CommandConnect {
  readonly clientVersion: string;
  /** Replaced by `authMethodName`; brokers still read it. */
  readonly authMethod?: number | undefined;
  readonly authData?: Buffer | undefined;
  readonly protocolVersion?: number | undefined;
  readonly authMethodName?: string | undefined;
  /** `host:port` that a Pulsar proxy shall connect to. */
  readonly proxyToBrokerUrl?: string | undefined;
  readonly originalPrincipal?: string | undefined;
  readonly originalAuthData?: string | undefined;
  readonly originalAuthMethod?: string | undefined;
  readonly featureFlags?: FeatureFlags | undefined;
  readonly proxyVersion?: string | undefined;
}

export function encodeCommandConnect(writer: ByteWriter, command: CommandConnect): void {
  writeString(writer, 1, command.clientVersion);
  writeInt(writer, 2, command.authMethod);
  writeBytes(writer, 3, command.authData);
  writeInt(writer, 4, command.protocolVersion);
  writeString(writer, 5, command.authMethodName);
  writeString(writer, 6, command.proxyToBrokerUrl);
  writeString(writer, 7, command.originalPrincipal);
  writeString(writer, 8, command.originalAuthData);
  writeString(writer, 9, command.originalAuthMethod);
  writeMessage(writer, 10, command.featureFlags, encodeFeatureFlags);
  writeString(writer, 11, command.proxyVersion);
}

export function decodeCommandConnect(reader: ByteReader): CommandConnect {
  let clientVersion: string | undefined;
  let authMethod: number | undefined;
  let authData: Buffer | undefined;
  let protocolVersion: number | undefined;
  let authMethodName: string | undefined;
  let proxyToBrokerUrl: string | undefined;
  let originalPrincipal: string | undefined;
  let originalAuthData: string | undefined;
  let originalAuthMethod: string | undefined;
  let featureFlags: FeatureFlags | undefined;
  let proxyVersion: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        clientVersion = readString(reader, tag);
        break;
      case 2:
        authMethod = readInt32(reader, tag);
        break;
      case 3:
        authData = readBytes(reader, tag);
        break;
      case 4:
        protocolVersion = readInt32(reader, tag);
        break;
      case 5:
        authMethodName = readString(reader, tag);
        break;
      case 6:
        proxyToBrokerUrl = readString(reader, tag);
        break;
      case 7:
        originalPrincipal = readString(reader, tag);
        break;
      case 8:
        originalAuthData = readString(reader, tag);
        break;
      case 9:
        originalAuthMethod = readString(reader, tag);
        break;
      case 10:
        featureFlags = readMessage(reader, tag, decodeFeatureFlags);
        break;
      case 11:
        proxyVersion = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    clientVersion: required(clientVersion, 'CommandConnect.client_version'),
    authMethod,
    authData,
    protocolVersion,
    authMethodName,
    proxyToBrokerUrl,
    originalPrincipal,
    originalAuthData,
    originalAuthMethod,
    featureFlags,
    proxyVersion,
  };
}
