/*
 * CommandPartitionedTopicMetadata
 *    1 required string        topic
 *    2 required uint64        request_id
 *    3 optional string        original_principal
 *    4 optional string        original_auth_data
 *    5 optional string        original_auth_method
 *    6 optional bool          metadata_auto_creation_enabled = true
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

/** Asks for a topic's number of partitions. */
export interface CommandPartitionedTopicMetadata {
  readonly topic: string;
  readonly requestId: number;
  readonly originalPrincipal?: string | undefined;
  readonly originalAuthData?: string | undefined;
  readonly originalAuthMethod?: string | undefined;
  /** False: the topic is not made where it is not there; for brokers with the feature flag. */
  readonly metadataAutoCreationEnabled?: boolean | undefined;
}

export function encodeCommandPartitionedTopicMetadata(
  writer: ByteWriter,
  command: CommandPartitionedTopicMetadata,
): void {
  writeString(writer, 1, command.topic);
  writeUint(writer, 2, command.requestId);
  writeString(writer, 3, command.originalPrincipal);
  writeString(writer, 4, command.originalAuthData);
  writeString(writer, 5, command.originalAuthMethod);
  writeBool(writer, 6, command.metadataAutoCreationEnabled);
}

export function decodeCommandPartitionedTopicMetadata(reader: ByteReader): CommandPartitionedTopicMetadata {
  let topic: string | undefined;
  let requestId: number | undefined;
  let originalPrincipal: string | undefined;
  let originalAuthData: string | undefined;
  let originalAuthMethod: string | undefined;
  let metadataAutoCreationEnabled: boolean | undefined;
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
        originalPrincipal = readString(reader, tag);
        break;
      case 4:
        originalAuthData = readString(reader, tag);
        break;
      case 5:
        originalAuthMethod = readString(reader, tag);
        break;
      case 6:
        metadataAutoCreationEnabled = readBool(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    topic: required(topic, 'CommandPartitionedTopicMetadata.topic'),
    requestId: required(requestId, 'CommandPartitionedTopicMetadata.request_id'),
    originalPrincipal,
    originalAuthData,
    originalAuthMethod,
    metadataAutoCreationEnabled,
  };
}
