/*
 * CommandCloseProducer
 *    1 required uint64        producer_id
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

/** Either side closes the producer; the connection stays. */
export interface CommandCloseProducer {
  readonly producerId: number;
  /** −1 where the broker closes: it asks for no answer. */
  readonly requestId: number;
  /** The broker that has the topic now. */
  readonly assignedBrokerServiceUrl?: string | undefined;
  readonly assignedBrokerServiceUrlTls?: string | undefined;
}

export function encodeCommandCloseProducer(writer: ByteWriter, command: CommandCloseProducer): void {
  writeUint(writer, 1, command.producerId);
  writeInt(writer, 2, command.requestId);
  writeString(writer, 3, command.assignedBrokerServiceUrl);
  writeString(writer, 4, command.assignedBrokerServiceUrlTls);
}

export function decodeCommandCloseProducer(reader: ByteReader): CommandCloseProducer {
  let producerId: number | undefined;
  let requestId: number | undefined;
  let assignedBrokerServiceUrl: string | undefined;
  let assignedBrokerServiceUrlTls: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        producerId = readUint(reader, tag);
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
    producerId: required(producerId, 'CommandCloseProducer.producer_id'),
    requestId: required(requestId, 'CommandCloseProducer.request_id'),
    assignedBrokerServiceUrl,
    assignedBrokerServiceUrlTls,
  };
}
