/*
 * KeyValue
 *    1 required string        key
 *    2 required string        value
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readString, readTag, required, skipField, writeString } from './protobuf.ts';

/** A property: both sides are UTF-8 strings. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export function encodeKeyValue(writer: ByteWriter, value: KeyValue): void {
  writeString(writer, 1, value.key);
  writeString(writer, 2, value.value);
}

export function decodeKeyValue(reader: ByteReader): KeyValue {
  let key: string | undefined;
  let value: string | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        key = readString(reader, tag);
        break;
      case 2:
        value = readString(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { key: required(key, 'KeyValue.key'), value: required(value, 'KeyValue.value') };
}
