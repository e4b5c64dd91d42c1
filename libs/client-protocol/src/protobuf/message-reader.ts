import { ByteReader, isUtf8 } from '@pharos/bytes';
import { ProtocolError } from '../errors.ts';
import type { RawData } from '../messages/raw-data.ts';
import { wireTypes } from './wire.ts';

const UINT32_MAX = 0xffffffff;
const REPLACEMENT = '\ufffd';

/** Elements of lists and maps in one command: each costs the sender two bytes, and this server an object. */
const MAX_ELEMENTS = 10_000;

/**
 * Reads the fields of one Protobuf message in the order of the wire: `next()`, then the value by the type that the field
 * should have, or `skip()`. A value of another type, or out of its range, is a ProtocolError that names the field.
 *
 * Of a field that comes twice the caller keeps the last, as JSON does; embedded messages are not merged.
 *
 * @throws MalformedBytes where the bytes end early or are no Protobuf; nothing is read beyond the message's end
 */
export class MessageReader {
  readonly #bytes: ByteReader;
  /** For messages: `subscribe.tf`. */
  readonly #path: string;
  readonly #elements: { left: number };
  #wireType = 0;
  #field = 0;

  private constructor(bytes: ByteReader, path: string, elements: { left: number }) {
    this.#bytes = bytes;
    this.#path = path;
    this.#elements = elements;
  }

  /** Of a whole command. */
  static of(frame: Buffer, start: number, end: number): MessageReader {
    return new MessageReader(new ByteReader(frame, start, end), '', { left: MAX_ELEMENTS });
  }

  /** Number of the current field. */
  get field(): number {
    return this.#field;
  }

  /** Goes on to the next field; `false` at the end. */
  next(): boolean {
    if (this.#bytes.remaining === 0) return false;
    const tag = this.#bytes.varintNumber();
    this.#wireType = tag & 7;
    this.#field = Math.floor(tag / 8);
    if (this.#field === 0 || tag > UINT32_MAX) throw this.#malformed(`there is no field number ${this.#field}`);
    return true;
  }

  /** Passes over a field that isn't known. */
  skip(): void {
    switch (this.#wireType) {
      case wireTypes.varint:
        this.#bytes.varint64();
        return;
      case wireTypes.fixed64:
        this.#bytes.skip(8);
        return;
      case wireTypes.bytes:
        this.#bytes.skip(this.#bytes.varintNumber());
        return;
      case wireTypes.fixed32:
        this.#bytes.skip(4);
        return;
      default:
        throw this.#malformed(`field ${this.#field} has wire type ${this.#wireType}`);
    }
  }

  string(name: string): string {
    const length = this.#length(name, 'a string');
    const start = this.#bytes.position;
    const text = this.#bytes.utf8(length);
    // Bytes that are not UTF-8 decode with replacement characters, so that only a text with one has to be looked at.
    if (text.includes(REPLACEMENT) && !isUtf8(this.#bytes.buffer.subarray(start, start + length))) {
      throw this.#wrong(name, 'a string of valid Unicode', 'bytes that are not UTF-8');
    }
    return text;
  }

  /** The bytes in a buffer of their own; undefined for none, which is the same on the wire. */
  raw(name: string): RawData | undefined {
    const length = this.#length(name, 'bytes');
    return length === 0 ? undefined : Buffer.from(this.#bytes.bytes(length));
  }

  boolean(name: string): boolean {
    this.#expect(wireTypes.varint, name, 'true or false');
    return this.#bytes.varint64() !== 0n;
  }

  uint32(name: string): number {
    return this.#unsigned(name, UINT32_MAX);
  }

  /** An unsigned 64-bit integer of at most 2^53 − 1. */
  uint53(name: string): number {
    return this.#unsigned(name, Number.MAX_SAFE_INTEGER);
  }

  int32(name: string): number {
    this.#expect(wireTypes.varint, name, 'an integer');
    return this.#bytes.varint32() | 0;
  }

  message(name: string): MessageReader {
    const length = this.#length(name, 'a message');
    const start = this.#bytes.position;
    this.#bytes.skip(length);
    const window = new ByteReader(this.#bytes.buffer, start, start + length);
    return new MessageReader(window, this.#pathOf(name), this.#elements);
  }

  /** One more element of a list or map begins: of the whole command there may be only so many. */
  countElement(name: string): void {
    if (this.#elements.left-- > 0) return;
    throw new ProtocolError(
      'too-many-elements',
      `${this.#pathOf(name)}: the lists and maps of the command hold more than ${MAX_ELEMENTS} elements`,
    );
  }

  #unsigned(name: string, max: number): number {
    this.#expect(wireTypes.varint, name, 'an integer');
    const value = this.#bytes.varint64();
    if (value > BigInt(max)) throw this.#wrong(name, `an integer of 0 to ${max}`, String(value));
    return Number(value);
  }

  #length(name: string, expected: string): number {
    this.#expect(wireTypes.bytes, name, expected);
    return this.#bytes.varintNumber();
  }

  #expect(wireType: number, name: string, expected: string): void {
    if (this.#wireType !== wireType) throw this.#wrong(name, expected, `wire type ${this.#wireType}`);
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #wrong(name: string, expected: string, got: string): ProtocolError {
    return new ProtocolError('invalid-field', `${this.#pathOf(name)}: expected ${expected}, got ${got}`);
  }

  #malformed(what: string): ProtocolError {
    return new ProtocolError('invalid-protobuf', `${this.#path === '' ? 'command' : this.#path}: ${what}`);
  }
}
