/*
 * CommandFlow
 *    1 required uint64        consumer_id
 *    2 required uint32        messagePermits
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readTag, readUint, readUint32, required, skipField, writeUint } from '../protobuf.ts';

/** Lets the broker send that many more messages. */
export interface CommandFlow {
  readonly consumerId: number;
  readonly messagePermits: number;
}

export function encodeCommandFlow(writer: ByteWriter, command: CommandFlow): void {
  writeUint(writer, 1, command.consumerId);
  writeUint(writer, 2, command.messagePermits);
}

export function decodeCommandFlow(reader: ByteReader): CommandFlow {
  let consumerId: number | undefined;
  let messagePermits: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        consumerId = readUint(reader, tag);
        break;
      case 2:
        messagePermits = readUint32(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    consumerId: required(consumerId, 'CommandFlow.consumer_id'),
    messagePermits: required(messagePermits, 'CommandFlow.messagePermits'),
  };
}
