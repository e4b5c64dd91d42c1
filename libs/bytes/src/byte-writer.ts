/**
 * A growing buffer for encoders: big-endian integers, varints, strings and bytes.
 *
 * Meant to be reused: `reset()` keeps the storage. `view()` is valid until the next write; `copy()` is the caller's own.
 */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialCapacity = 256) {
    this.#buffer = Buffer.allocUnsafe(initialCapacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The storage, whose first `length` bytes have been written. A write may replace it by a larger one. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  reset(): this {
    this.#length = 0;
    return this;
  }

  /** Makes room for `length` bytes, counts them as written, returns where they begin: for fields that are filled in later. */
  reserve(length: number): number {
    this.#ensure(length);
    const start = this.#length;
    this.#length += length;
    return start;
  }

  uint8(value: number): this {
    this.#ensure(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  uint16(value: number): this {
    this.#ensure(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
    return this;
  }

  uint32(value: number): this {
    this.#ensure(4);
    this.#length = this.#buffer.writeUInt32BE(value >>> 0, this.#length);
    return this;
  }

  uint32At(position: number, value: number): this {
    this.#buffer.writeUInt32BE(value >>> 0, position);
    return this;
  }

  /** Unsigned varint of a safe integer (0 to 2^53 − 1). */
  varint(value: number): this {
    if (value < 0 || !Number.isSafeInteger(value)) throw new RangeError(`varint of ${value}`);
    this.#ensure(8);
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#buffer[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  /** Varint of a 64-bit integer; negative values take ten bytes, as Protobuf's int64 does. */
  varint64(value: bigint): this {
    this.#ensure(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
    return this;
  }

  bytes(source: Uint8Array): this {
    this.#ensure(source.length);
    this.#buffer.set(source, this.#length);
    this.#length += source.length;
    return this;
  }

  /** Writes a string as UTF-8, without a length. */
  utf8(text: string): this {
    // At most three bytes for each UTF-16 unit; measuring first would walk the string twice.
    this.#ensure(text.length * 3);
    this.#length += this.#buffer.write(text, this.#length, 'utf8');
    return this;
  }

  /** What has been written so far, as a view into the storage. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** What has been written so far, in a buffer of its own. */
  copy(): Buffer {
    return Buffer.from(this.view());
  }

  #ensure(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
