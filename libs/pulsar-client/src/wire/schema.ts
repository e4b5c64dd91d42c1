/*
 * Schema
 *    1 required string        name
 *    3 required bytes         schema_data
 *    4 required enum          type
 *    5 repeated KeyValue      properties
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { decodeKeyValue, encodeKeyValue } from './key-value.ts';
import type { KeyValue } from './key-value.ts';
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
} from './protobuf.ts';

/** Numbers of `Schema.type`. */
export const schemaType = {
  none: 0,
  string: 1,
  json: 2,
  protobuf: 3,
  avro: 4,
  bool: 5,
  int8: 6,
  int16: 7,
  int32: 8,
  int64: 9,
  float: 10,
  double: 11,
  date: 12,
  time: 13,
  timestamp: 14,
  keyValue: 15,
  instant: 16,
  localDate: 17,
  localTime: 18,
  localDateTime: 19,
  protobufNative: 20,
} as const;

/** A schema as producers and consumers declare it. */
export interface Schema {
  readonly name: string;
  readonly schemaData: Buffer;
  /** See {@link schemaType}. */
  readonly type: number;
  readonly properties?: readonly KeyValue[] | undefined;
}

export function encodeSchema(writer: ByteWriter, value: Schema): void {
  writeString(writer, 1, value.name);
  writeBytes(writer, 3, value.schemaData);
  writeInt(writer, 4, value.type);
  if (value.properties !== undefined)
    for (const item of value.properties) writeMessage(writer, 5, item, encodeKeyValue);
}

export function decodeSchema(reader: ByteReader): Schema {
  let name: string | undefined;
  let schemaData: Buffer | undefined;
  let type: number | undefined;
  let properties: KeyValue[] | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        name = readString(reader, tag);
        break;
      case 3:
        schemaData = readBytes(reader, tag);
        break;
      case 4:
        type = readInt32(reader, tag);
        break;
      case 5:
        (properties ??= []).push(readMessage(reader, tag, decodeKeyValue));
        break;
      default:
        skipField(reader, tag);
    }
  }
  return {
    name: required(name, 'Schema.name'),
    schemaData: required(schemaData, 'Schema.schema_data'),
    type: required(type, 'Schema.type'),
    properties,
  };
}
