/*
 * KeyLongValue
 *    1 required string        key
 *    2 required uint64        value
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readInt64, readString, readTag, required, skipField, writeInt64, writeString } from './protobuf.ts';

/** A property with a numeric value. */
export interface KeyLongValue {
  readonly key: string;
  /** Signed 64-bit view of the field. */
  readonly value: bigint;
}

export function encodeKeyLongValue(writer: ByteWriter, value: KeyLongValue): void {
  writeString(writer, 1, value.key);
  writeInt64(writer, 2, value.value);
}

export function decodeKeyLongValue(reader: ByteReader): KeyLongValue {
  let key: string | undefined;
  let value: bigint | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        key = readString(reader, tag);
        break;
      case 2:
        value = readInt64(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { key: required(key, 'KeyLongValue.key'), value: required(value, 'KeyLongValue.value') };
}
