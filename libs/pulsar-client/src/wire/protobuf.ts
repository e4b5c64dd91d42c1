// Hot path: every command and every metadata passes through here.
// Protobuf's wire format as far as Pulsar's protocol uses it. Readers throw MalformedBytes or WireError.
import { ByteReader, MalformedBytes } from '@pharos/bytes';
import type { ByteWriter } from '@pharos/bytes';
import { WireError } from './errors.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Reads a field's tag: `number << 3 | wire type`. Field number 0 is refused. */
export function readTag(reader: ByteReader): number {
  const tag = reader.varint32();
  if (tag < 8) throw new MalformedBytes('field number 0', reader.position);
  return tag;
}

/** Skips a field that nobody here knows. Groups, which Pulsar never uses, are refused. */
export function skipField(reader: ByteReader, tag: number): void {
  switch (tag & 7) {
    case VARINT:
      varintIsNotZero(reader);
      break;
    case FIXED64:
      reader.skip(8);
      break;
    case LENGTH_DELIMITED:
      reader.skip(reader.varint32());
      break;
    case FIXED32:
      reader.skip(4);
      break;
    default:
      throw new MalformedBytes(`wire type ${tag & 7} of field ${tag >>> 3}`, reader.position);
  }
}

/** The value of a field that the protocol requires. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new WireError('missing_field', `required field ${field} is absent`);
  return value;
}

/** An id or count as a safe integer; 2^53 and more is refused. */
export function readUint(reader: ByteReader, tag: number): number {
  expectType(reader, tag, VARINT);
  return reader.varintNumber();
}

export function readUint32(reader: ByteReader, tag: number): number {
  expectType(reader, tag, VARINT);
  return reader.varint32();
}

/** An int32 or an enum; enum values that aren't known here stay numbers. */
export function readInt32(reader: ByteReader, tag: number): number {
  expectType(reader, tag, VARINT);
  return reader.varint32() | 0;
}

export function readBool(reader: ByteReader, tag: number): boolean {
  expectType(reader, tag, VARINT);
  return varintIsNotZero(reader);
}

/** A 64-bit integer as Java's signed long: Pulsar puts −1 into fields that it declares unsigned. */
export function readInt64(reader: ByteReader, tag: number): bigint {
  expectType(reader, tag, VARINT);
  return BigInt.asIntN(64, reader.varint64());
}

/** Adds a repeated int64 field, packed or not, to `list`. */
export function readInt64s(reader: ByteReader, tag: number, list: bigint[] = []): bigint[] {
  if ((tag & 7) === VARINT) {
    list.push(BigInt.asIntN(64, reader.varint64()));
    return list;
  }
  expectType(reader, tag, LENGTH_DELIMITED);
  const packed = window(reader);
  while (packed.remaining > 0) list.push(BigInt.asIntN(64, packed.varint64()));
  return list;
}

/** Adds a repeated int32 field, packed or not, to `list`. */
export function readInt32s(reader: ByteReader, tag: number, list: number[] = []): number[] {
  if ((tag & 7) === VARINT) {
    list.push(reader.varint32() | 0);
    return list;
  }
  expectType(reader, tag, LENGTH_DELIMITED);
  const packed = window(reader);
  while (packed.remaining > 0) list.push(packed.varint32() | 0);
  return list;
}

/** A sequence id: −1 means none; other values must be safe integers. */
export function readInt(reader: ByteReader, tag: number): number {
  const value = readForeignInt(reader, tag);
  if (!Number.isSafeInteger(value)) throw new MalformedBytes('integer beyond 2^53', reader.position);
  return value;
}

/** A signed 64-bit integer that foreign producers choose freely: beyond 2^53 it is rounded, so that no message of theirs can break a consumer. */
export function readForeignInt(reader: ByteReader, tag: number): number {
  expectType(reader, tag, VARINT);
  const start = reader.position;
  let result = 0;
  let factor = 1;
  // Seven bytes hold 49 bits, where doubles are exact and the sign can't have been reached.
  for (let index = 0; index < 7; index++) {
    const byte = reader.uint8();
    result += (byte & 0x7f) * factor;
    if (byte < 0x80) return result;
    factor *= 128;
  }
  reader.position = start;
  return Number(BigInt.asIntN(64, reader.varint64()));
}

export function readString(reader: ByteReader, tag: number): string {
  expectType(reader, tag, LENGTH_DELIMITED);
  return reader.utf8(reader.varint32());
}

/** A view into the reader's buffer, not a copy. */
export function readBytes(reader: ByteReader, tag: number): Buffer {
  expectType(reader, tag, LENGTH_DELIMITED);
  return reader.bytes(reader.varint32());
}

export function readMessage<T>(reader: ByteReader, tag: number, decode: (reader: ByteReader) => T): T {
  expectType(reader, tag, LENGTH_DELIMITED);
  return decode(window(reader));
}

/** Writes a non-negative safe integer; this and all other writers leave an absent field out. */
export function writeUint(writer: ByteWriter, field: number, value: number | undefined): void {
  if (value === undefined) return;
  writer.varint(field << 3).varint(value);
}

/** Writes an int32, an int64 that is a safe integer, or −1 into an unsigned field. */
export function writeInt(writer: ByteWriter, field: number, value: number | undefined): void {
  if (value === undefined) return;
  writer.varint(field << 3);
  if (value >= 0) writer.varint(value);
  else writer.varint64(BigInt(value));
}

export function writeInt64(writer: ByteWriter, field: number, value: bigint | undefined): void {
  if (value === undefined) return;
  writer.varint(field << 3);
  // Arithmetic on bigints allocates at each step: the common small ones take the other way.
  if (value >= 0n && value <= 0xffffffffffffn) writer.varint(Number(value));
  else writer.varint64(value);
}

export function writeBool(writer: ByteWriter, field: number, value: boolean | undefined): void {
  if (value === undefined) return;
  writer.varint(field << 3).uint8(value ? 1 : 0);
}

export function writeString(writer: ByteWriter, field: number, value: string | undefined): void {
  if (value === undefined) return;
  writer.varint((field << 3) | LENGTH_DELIMITED);
  const start = writer.reserve(1);
  writer.utf8(value);
  closeLength(writer, start);
}

export function writeBytes(writer: ByteWriter, field: number, value: Uint8Array | undefined): void {
  if (value === undefined) return;
  writer
    .varint((field << 3) | LENGTH_DELIMITED)
    .varint(value.length)
    .bytes(value);
}

export function writeMessage<T>(
  writer: ByteWriter,
  field: number,
  value: T | undefined,
  encode: (writer: ByteWriter, value: T) => void,
): void {
  if (value === undefined) return;
  writer.varint((field << 3) | LENGTH_DELIMITED);
  const start = writer.reserve(1);
  encode(writer, value);
  closeLength(writer, start);
}

/** Fills in the length of what was written since one byte was reserved for it at `start`, moving it where one byte is too few. */
function closeLength(writer: ByteWriter, start: number): void {
  const length = writer.length - start - 1;
  if (length < 0x80) {
    writer.buffer[start] = length;
    return;
  }
  let extra = 1;
  for (let rest = length >>> 14; rest > 0; rest >>>= 7) extra++;
  const end = writer.length;
  writer.reserve(extra);
  const buffer = writer.buffer;
  buffer.copyWithin(start + 1 + extra, start + 1, end);
  let rest = length;
  let position = start;
  for (; rest > 0x7f; rest >>>= 7) buffer[position++] = (rest & 0x7f) | 0x80;
  buffer[position] = rest;
}

function window(reader: ByteReader): ByteReader {
  const length = reader.varint32();
  const start = reader.position;
  reader.skip(length);
  return new ByteReader(reader.buffer, start, start + length);
}

function varintIsNotZero(reader: ByteReader): boolean {
  let bits = 0;
  for (let index = 0; index < 10; index++) {
    const byte = reader.uint8();
    bits |= byte & 0x7f;
    if (byte < 0x80) return bits !== 0;
  }
  throw new MalformedBytes('varint longer than 10 bytes', reader.position);
}

function expectType(reader: ByteReader, tag: number, type: number): void {
  if ((tag & 7) !== type) {
    throw new MalformedBytes(`wire type ${tag & 7} of field ${tag >>> 3}, expected ${type}`, reader.position);
  }
}
