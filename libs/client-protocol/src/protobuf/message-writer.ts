import type { ByteWriter } from '@pharos/bytes';
import type { RawData } from '../messages/raw-data.ts';
import { varintLength, wireTypes } from './wire.ts';

/**
 * Writes Protobuf messages, nested ones too, into a ByteWriter. Methods leave a field out where its value is missing or the
 * type's zero (0, "", false, nothing), which means the same on the wire; an opened message is there, empty or not.
 *
 * A nested message is written where it stands behind one byte for its length; one of 128 bytes and more moves up when it is
 * closed. Nearly all are shorter, and measuring first would walk everything twice.
 */
export class MessageWriter {
  readonly bytes: ByteWriter;
  /** Where the open messages' contents begin. */
  readonly #starts: number[] = [];

  constructor(bytes: ByteWriter) {
    this.bytes = bytes;
  }

  /** Begins a message: as the value of a field, or, after its length, as one of a frame. */
  open(field?: number): this {
    if (field !== undefined) this.#tag(field, wireTypes.bytes);
    this.#starts.push(this.bytes.reserve(1) + 1);
    return this;
  }

  close(): this {
    const { bytes } = this;
    const start = this.#starts.pop();
    if (start === undefined) throw new RangeError('no message is open');
    let rest = bytes.length - start;
    let at = start - 1;
    if (rest > 0x7f) {
      const end = bytes.length;
      const extra = varintLength(rest) - 1;
      bytes.reserve(extra);
      bytes.buffer.copyWithin(start + extra, start, end);
      for (; rest > 0x7f; rest >>>= 7) bytes.buffer[at++] = (rest & 0x7f) | 0x80;
    }
    bytes.buffer[at] = rest;
    return this;
  }

  string(field: number, value: string | undefined): this {
    return value === undefined || value === '' ? this : this.#text(field, value);
  }

  /** One entry of a map of strings. Both are written in any case, as all serializers do. */
  stringEntry(field: number, key: string, value: string): this {
    return this.openEntry(field, key).#text(2, value).close();
  }

  /** Begins an entry of a map, to be gone on with field 2, its value. */
  openEntry(field: number, key: string): this {
    return this.open(field).#text(1, key);
  }

  /** An integer of 0 and more. @throws RangeError for a negative one, one of 2^53 and more, or a fraction */
  number(field: number, value: number | undefined): this {
    if (value === undefined || value === 0) return this;
    this.#tag(field, wireTypes.varint);
    this.bytes.varint(value);
    return this;
  }

  boolean(field: number, value: boolean | undefined): this {
    if (value !== true) return this;
    this.#tag(field, wireTypes.varint);
    this.bytes.uint8(1);
    return this;
  }

  raw(field: number, value: RawData | undefined): this {
    if (value === undefined || value.length === 0) return this;
    this.#tag(field, wireTypes.bytes);
    this.bytes.varint(value.length).bytes(value);
    return this;
  }

  #text(field: number, value: string): this {
    this.#tag(field, wireTypes.bytes);
    this.bytes.varint(Buffer.byteLength(value)).utf8(value);
    return this;
  }

  #tag(field: number, wireType: number): void {
    this.bytes.varint((field << 3) | wireType);
  }
}

/** Begins one more message of a frame. */
export function beginMessage(frame: ByteWriter): MessageWriter {
  return new MessageWriter(frame).open();
}
