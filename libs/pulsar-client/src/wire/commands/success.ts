/*
 * CommandSuccess
 *    1 required uint64        request_id
 *    2 optional Schema        schema
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeSchema, encodeSchema } from '../schema.ts';
import type { Schema } from '../schema.ts';
import { readMessage, readTag, readUint, required, skipField, writeMessage, writeUint } from '../protobuf.ts';

/** A request succeeded and has no further answer. */
export interface CommandSuccess {
  readonly requestId: number;
  readonly schema?: Schema | undefined;
}

export function encodeCommandSuccess(writer: ByteWriter, command: CommandSuccess): void {
  writeUint(writer, 1, command.requestId);
  writeMessage(writer, 2, command.schema, encodeSchema);
}

export function decodeCommandSuccess(reader: ByteReader): CommandSuccess {
  let requestId: number | undefined;
  let schema: Schema | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        requestId = readUint(reader, tag);
        break;
      case 2:
        schema = readMessage(reader, tag, decodeSchema);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { requestId: required(requestId, 'CommandSuccess.request_id'), schema };
}
