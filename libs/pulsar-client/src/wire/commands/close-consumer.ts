/*
 * CommandCloseConsumer
 *    1 required uint64        consumer_id
 *    2 required uint64        request_id
 *    3 optional string        assignedBrokerServiceUrl
 *    4 optional string        assignedBrokerServiceUrlTls
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import {
  readInt,
  readString,
  readTag,
  readUint,
  required,
  skipField,
  writeInt,
  writeString,
  writeUint,
} from '../protobuf.ts';

/** Either side closes the consumer; the connection stays. */
export interface CommandCloseConsumer {
  readonly consumerId: number;
  /** −1 where the broker closes: it asks for no answer. */
  readonly requestId: number;
  /** The broker that has the topic now. */
  readonly assignedBrokerServiceUrl?: string | undefined;
  readonly assignedBrokerServiceUrlTls?: string | undefined;
}

export function encodeCommandCloseConsumer(writer: ByteWriter, command: CommandCloseConsumer): void {
  writeUint(writer, 1, command.consumerId);
  writeInt(writer, 2, command.requestId);
  writeString(writer, 3, command.assignedBrokerServiceUrl);
  writeString(writer, 4, command.assignedBrokerServiceUrlTls);
}

export function decodeCommandCloseConsumer(reader: ByteReader): CommandCloseConsumer {
  let consumerId: number | undefined;
  let requestId: number | undefined;
  let assignedBrokerServiceUrl: string | undefined;
  let assignedBrokerServiceUrlTls: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        requestId = readInt(reader, tag);
        break;
      case 3:
        assignedBrokerServiceUrl = readString(reader, tag);
        break;
      case 4:
        assignedBrokerServiceUrlTls = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandCloseConsumer.consumer_id'),
    requestId: required(requestId, 'CommandCloseConsumer.request_id'),
    assignedBrokerServiceUrl,
    assignedBrokerServiceUrlTls,
  };
}
