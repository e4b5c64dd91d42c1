/*
 * CommandTopicMigrated
 *    1 required uint64        resource_id
 *    2 required enum          resource_type
 *    3 optional string        brokerServiceUrl
 *    4 optional string        brokerServiceUrlTls
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readInt32,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Numbers of `CommandTopicMigrated.resourceType`. */
export const migratedResource = { producer: 0, consumer: 1 } as const;

/** The topic lives on another cluster now. */
export interface CommandTopicMigrated {
  /** The producer's or consumer's id. */
  readonly resourceId: number;
  /** See {@link migratedResource}. */
  readonly resourceType: number;
  readonly brokerServiceUrl?: string | undefined;
  readonly brokerServiceUrlTls?: string | undefined;
}

export function encodeCommandTopicMigrated(writer: ByteWriter, command: CommandTopicMigrated): void {
  writeUint(writer, 1, command.resourceId);
  writeInt(writer, 2, command.resourceType);
  writeString(writer, 3, command.brokerServiceUrl);
  writeString(writer, 4, command.brokerServiceUrlTls);
}

export function decodeCommandTopicMigrated(reader: ByteReader): CommandTopicMigrated {
  let resourceId: number | undefined;
  let resourceType: number | undefined;
  let brokerServiceUrl: string | undefined;
  let brokerServiceUrlTls: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        resourceId = readUint(reader, tag);
        break;
      case 2:
        resourceType = readInt32(reader, tag);
        break;
      case 3:
        brokerServiceUrl = readString(reader, tag);
        break;
      case 4:
        brokerServiceUrlTls = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    resourceId: required(resourceId, 'CommandTopicMigrated.resource_id'),
    resourceType: required(resourceType, 'CommandTopicMigrated.resource_type'),
    brokerServiceUrl,
    brokerServiceUrlTls,
  };
}
