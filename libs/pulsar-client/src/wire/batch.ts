// Hot path: every message that is published or tailed passes through here, so plain loops and no allocation per message.
/*
 * The payload of a batch, once it is uncompressed: for each message
 *   [size u32, big-endian] [SingleMessageMetadata] [payload]
 */
import { ByteReader } from '@pharos/bytes';
import type { ByteWriter } from '@pharos/bytes';
import { asWireError, WireError } from './errors.ts';
import type { WireErrorCode } from './errors.ts';
import { decodeSingleMessageMetadata, encodeSingleMessageMetadata } from './single-message-metadata.ts';
import type { SingleMessageMetadata } from './single-message-metadata.ts';

/** Appends one message to a batch payload. `metadata.payloadSize` must be the payload's length. */
export function appendToBatch(writer: ByteWriter, metadata: SingleMessageMetadata, payload: Uint8Array): void {
  if (metadata.payloadSize !== payload.length) {
    throw new RangeError(`payloadSize ${metadata.payloadSize} of a payload of ${payload.length} bytes`);
  }
  const sizeAt = writer.reserve(4);
  encodeSingleMessageMetadata(writer, metadata);
  writer.uint32At(sizeAt, writer.length - sizeAt - 4);
  writer.bytes(payload);
}

// Tags of SingleMessageMetadata: field number << 3 | wire type.
const PROPERTIES = 0x0a;
const PARTITION_KEY = 0x12;
const PAYLOAD_SIZE = 0x18;
const COMPACTED_OUT = 0x20;
const EVENT_TIME = 0x28;
const KEY_IS_BASE64 = 0x30;
const NULL_VALUE = 0x48;

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Walks over the messages of an uncompressed batch payload without making objects: `reset`, then `next` until it
 * returns false. Positions are into `buffer` and belong to the current message. Reusable.
 */
export class BatchCursor {
  /** The payload that is being walked over. */
  buffer: Buffer = EMPTY;
  /** Of the current message in its batch, from 0; −1 before the first `next`. */
  index = -1;
  metadataStart = 0;
  metadataEnd = 0;
  /** −1: the message has no partition key. */
  keyStart = -1;
  keyEnd = -1;
  /** The key's bytes are the base64 form of a binary key. */
  keyIsBase64 = false;
  /** The message has properties; `singleMessageMetadata()` reads them. */
  propertiesPresent = false;
  eventTimePresent = false;
  /** Compaction took the message out: to be skipped. */
  compactedOut = false;
  /** The message has no value (a tombstone), which is not the same as an empty one. */
  nullValue = false;
  dataStart = 0;
  dataEnd = 0;
  #count = 0;
  /** Where the scan of the current metadata is. */
  #position = 0;

  /** Begins a batch of `count` messages (`MessageMetadata.numMessagesInBatch`). */
  reset(payload: Buffer, count: number): void {
    this.buffer = payload;
    this.#count = count;
    this.index = -1;
    this.dataEnd = 0;
  }

  /**
   * Moves to the next message; false after the last.
   *
   * @throws {WireError} `malformed`, `missing_field`; there is no next message then
   */
  next(): boolean {
    const index = this.index + 1;
    if (index >= this.#count) return false;
    this.index = index;
    const { buffer, dataEnd: start } = this;
    if (start + 4 > buffer.length) this.#fail('ends before the metadata size');
    const size =
      (buffer[start] as number) * 0x1000000 +
      (((buffer[start + 1] as number) << 16) | ((buffer[start + 2] as number) << 8) | (buffer[start + 3] as number));
    const metadataEnd = start + 4 + size;
    if (metadataEnd > buffer.length) this.#fail(`has ${buffer.length - start - 4} bytes for metadata of ${size}`);
    this.metadataStart = start + 4;
    this.metadataEnd = metadataEnd;
    const payloadSize = this.#scanMetadata(buffer, start + 4, metadataEnd);
    if (payloadSize < 0) this.#fail('has no payload_size', 'missing_field');
    if (payloadSize > buffer.length - metadataEnd) {
      this.#fail(`has ${buffer.length - metadataEnd} bytes for a payload of ${payloadSize}`);
    }
    this.dataStart = metadataEnd;
    this.dataEnd = metadataEnd + payloadSize;
    return true;
  }

  /** All metadata of the current message, in an object of its own. */
  singleMessageMetadata(): SingleMessageMetadata {
    try {
      return decodeSingleMessageMetadata(new ByteReader(this.buffer, this.metadataStart, this.metadataEnd));
    } catch (error) {
      throw asWireError(error, 'message metadata in a batch');
    }
  }

  /** Takes from one SingleMessageMetadata what the cursor shows; returns the payload's size, −1 if there is none. */
  #scanMetadata(buffer: Buffer, start: number, end: number): number {
    this.keyStart = -1;
    this.keyEnd = -1;
    this.keyIsBase64 = false;
    this.propertiesPresent = false;
    this.eventTimePresent = false;
    this.compactedOut = false;
    this.nullValue = false;
    let payloadSize = -1;
    this.#position = start;
    while (this.#position < end) {
      const tag = this.#varint(buffer, end);
      switch (tag) {
        case PROPERTIES:
          this.propertiesPresent = true;
          this.#skip(this.#varint(buffer, end), end);
          break;
        case PARTITION_KEY: {
          const length = this.#varint(buffer, end);
          this.keyStart = this.#position;
          this.#skip(length, end);
          this.keyEnd = this.#position;
          break;
        }
        case PAYLOAD_SIZE:
          payloadSize = this.#varint(buffer, end);
          break;
        case COMPACTED_OUT:
          this.compactedOut = this.#varint(buffer, end) !== 0;
          break;
        case EVENT_TIME:
          this.eventTimePresent = true;
          this.#varint(buffer, end);
          break;
        case KEY_IS_BASE64:
          this.keyIsBase64 = this.#varint(buffer, end) !== 0;
          break;
        case NULL_VALUE:
          this.nullValue = this.#varint(buffer, end) !== 0;
          break;
        default:
          this.#skipField(buffer, tag, end);
      }
    }
    return payloadSize;
  }

  #skipField(buffer: Buffer, tag: number, end: number): void {
    if (tag < 8) this.#fail('has a field of number 0');
    switch (tag % 8) {
      case 0:
        this.#varint(buffer, end);
        break;
      case 1:
        this.#skip(8, end);
        break;
      case 2:
        this.#skip(this.#varint(buffer, end), end);
        break;
      case 5:
        this.#skip(4, end);
        break;
      default:
        this.#fail(`has a field of wire type ${tag % 8}`);
    }
  }

  /** A varint as a number; what lies beyond 2^53 is rounded, which every use of it here then refuses or ignores. */
  #varint(buffer: Buffer, end: number): number {
    let position = this.#position;
    if (position >= end) this.#fail('ends within a field of its metadata');
    let byte = buffer[position++] as number;
    let result = byte & 0x7f;
    for (let factor = 0x80; byte > 0x7f; factor *= 0x80) {
      if (position >= end || position - this.#position >= 10) this.#fail('has a varint without an end in its metadata');
      byte = buffer[position++] as number;
      result += (byte & 0x7f) * factor;
    }
    this.#position = position;
    return result;
  }

  #skip(length: number, end: number): void {
    if (length > end - this.#position) this.#fail(`has ${end - this.#position} bytes for a field of ${length}`);
    this.#position += length;
  }

  #fail(what: string, code: WireErrorCode = 'malformed'): never {
    const message = `message ${this.index} of a batch of ${this.#count} ${what}`;
    this.#count = 0;
    throw new WireError(code, message);
  }
}
