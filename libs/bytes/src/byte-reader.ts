/** Thrown by {@link ByteReader} when the bytes end early or can't be what they claim to be. Decoders turn it into their own error. */
export class MalformedBytes extends Error {
  /** Where in the buffer reading stopped. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(`${message} at byte ${position}`);
    this.name = 'MalformedBytes';
    this.position = position;
  }
}

/**
 * Reads big-endian integers, varints and slices out of a window of a buffer, and never past its end.
 *
 * `bytes()` returns views into the buffer, not copies.
 */
export class ByteReader {
  readonly buffer: Buffer;
  /** Next byte to read. */
  position: number;
  /** One past the last byte that may be read. */
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (start < 0 || end > bytes.length || start > end)
      throw new RangeError(`window ${start}..${end} of ${bytes.length}`);
    this.position = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  uint8(): number {
    this.#need(1);
    return this.buffer[this.position++] as number;
  }

  uint16(): number {
    this.#need(2);
    const value = this.buffer.readUInt16BE(this.position);
    this.position += 2;
    return value;
  }

  uint32(): number {
    this.#need(4);
    const value = this.buffer.readUInt32BE(this.position);
    this.position += 4;
    return value;
  }

  /** A varint that must fit an unsigned 32-bit integer (sizes, field tags, enums). Longer encodings of int32 are cut to 32 bits, as Protobuf says. */
  varint32(): number {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.uint8();
      if (shift < 35) result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    throw new MalformedBytes('varint longer than 10 bytes', this.position);
  }

  /** A varint of up to 64 bits, unsigned. */
  varint64(): bigint {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.uint8();
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (7 * index - 32);
      if (byte < 0x80) return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    }
    throw new MalformedBytes('varint longer than 10 bytes', this.position);
  }

  /** A varint of up to 64 bits as a number; values of 2^53 and more are refused, not rounded. */
  varintNumber(): number {
    let result = 0;
    let factor = 1;
    for (let index = 0; index < 10; index++) {
      const byte = this.uint8();
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (result > Number.MAX_SAFE_INTEGER) throw new MalformedBytes('integer above 2^53', this.position);
        return result;
      }
      factor *= 128;
    }
    throw new MalformedBytes('varint longer than 10 bytes', this.position);
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer {
    this.#need(length);
    const view = this.buffer.subarray(this.position, this.position + length);
    this.position += length;
    return view;
  }

  utf8(length: number): string {
    this.#need(length);
    const text = this.buffer.toString('utf8', this.position, this.position + length);
    this.position += length;
    return text;
  }

  skip(length: number): void {
    this.#need(length);
    this.position += length;
  }

  #need(length: number): void {
    if (length < 0 || this.position + length > this.end) {
      throw new MalformedBytes(`needs ${length} bytes, has ${this.end - this.position}`, this.position);
    }
  }
}
