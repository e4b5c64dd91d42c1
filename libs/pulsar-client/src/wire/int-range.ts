/*
 * IntRange
 *    1 required int32         start
 *    2 required int32         end
 */
import type { ByteReader, ByteWriter } from '@pharos/bytes';
import { readInt32, readTag, required, skipField, writeInt } from './protobuf.ts';

/** A range of key hashes, both ends inclusive, 0 to 65535. */
export interface IntRange {
  readonly start: number;
  readonly end: number;
}

export function encodeIntRange(writer: ByteWriter, value: IntRange): void {
  writeInt(writer, 1, value.start);
  writeInt(writer, 2, value.end);
}

export function decodeIntRange(reader: ByteReader): IntRange {
  let start: number | undefined;
  let end: number | undefined;
  while (reader.remaining > 0) {
    const tag = readTag(reader);
    switch (tag >>> 3) {
      case 1:
        start = readInt32(reader, tag);
        break;
      case 2:
        end = readInt32(reader, tag);
        break;
      default:
        skipField(reader, tag);
    }
  }
  return { start: required(start, 'IntRange.start'), end: required(end, 'IntRange.end') };
}
