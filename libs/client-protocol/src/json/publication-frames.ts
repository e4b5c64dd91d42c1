// Hot path: every frame that is fanned out to the subscribers of a channel is built here.
import { ByteWriter } from '@pharos/bytes';
import type { ClientInfo } from '../messages/client-info.ts';
import type { ChannelRef } from '../messages/push.ts';
import type { RawData } from '../messages/raw-data.ts';
import { writeChannel } from './encode-pushes.ts';
import { JsonWriter } from './json-writer.ts';
import { writeClientInfo, writeTags } from './write-values.ts';

const NEWLINE = 0x0a;
const BILLION = 1_000_000_000;

const INFO = Buffer.from(',"info":');
const OFFSET = Buffer.from(',"offset":');
const TAGS = Buffer.from(',"tags":');
const DELTA = Buffer.from(',"delta":true');
const TIME = Buffer.from(',"time":');
const END = Buffer.from('}}}');

/** What every publication push of a channel begins with, up to its data. Made once a channel. */
export function publicationPrefix(ref: ChannelRef): Buffer {
  const frame = new ByteWriter();
  const json = new JsonWriter(frame).open().open('push');
  writeChannel(json, ref);
  json.open('pub');
  frame.utf8('"data":');
  return frame.copy();
}

/** Info of a publisher, for {@link PublicationFrameBuilder.append}. */
export function encodeClientInfo(info: ClientInfo): RawData {
  const frame = new ByteWriter();
  const json = new JsonWriter(frame).open();
  writeClientInfo(json, info);
  json.close();
  return frame.view();
}

/** Tags of a publication, for {@link PublicationFrameBuilder.append}; undefined where there are none. */
export function encodeTags(tags: ReadonlyMap<string, string>): RawData | undefined {
  if (tags.size === 0) return undefined;
  const frame = new ByteWriter();
  const json = new JsonWriter(frame).open();
  writeTags(json, tags);
  json.close();
  return frame.view();
}

/**
 * Packs publication pushes into one frame. The storage is reused: build, send `view()`, `reset()`.
 *
 * Nothing is escaped here. Data, info and tags must be raw JSON of `classifyPayload`, `encodeClientInfo` and `encodeTags`.
 */
export class PublicationFrameBuilder {
  readonly #frame: ByteWriter;
  #count = 0;
  #nextIsDelta = false;

  /** @param initialCapacity bytes; the storage grows as needed and stays at its largest @default 4096 */
  constructor(initialCapacity = 4096) {
    this.#frame = new ByteWriter(initialCapacity);
  }

  /** Publications in the frame. */
  get count(): number {
    return this.#count;
  }

  /** Bytes in the frame. */
  get length(): number {
    return this.#frame.length;
  }

  /** What is appended next has a difference to the channel's previous publication for its data. */
  asDelta(): this {
    this.#nextIsDelta = true;
    return this;
  }

  /**
   * @param prefix of {@link publicationPrefix}
   * @param offset 0: none
   * @param timeMs milliseconds since 1970; 0: unknown
   */
  append(prefix: Buffer, data: RawData, offset: number, timeMs: number, info?: RawData, tags?: RawData): this {
    const frame = this.#frame;
    if (this.#count++ > 0) frame.uint8(NEWLINE);
    frame.bytes(prefix).bytes(data);
    if (info !== undefined) frame.bytes(INFO).bytes(info);
    if (offset !== 0) writeInteger(frame.bytes(OFFSET), offset);
    if (tags !== undefined) frame.bytes(TAGS).bytes(tags);
    if (this.#nextIsDelta) frame.bytes(DELTA);
    if (timeMs !== 0) writeInteger(frame.bytes(TIME), timeMs);
    frame.bytes(END);
    this.#nextIsDelta = false;
    return this;
  }

  /** @param message one encoded message of another kind: a join, a leave */
  appendMessage(message: Buffer): this {
    if (this.#count++ > 0) this.#frame.uint8(NEWLINE);
    this.#frame.bytes(message);
    return this;
  }

  /** The frame, as a view that is valid until the next `append`. */
  view(): Buffer {
    return this.#frame.view();
  }

  /** Begins a new, empty frame. */
  reset(): this {
    this.#frame.reset();
    this.#count = 0;
    return this;
  }
}

/** Decimal digits of a safe integer of 0 and more, without a string in between. */
function writeInteger(frame: ByteWriter, value: number): void {
  if (value < BILLION) return writeDigits(frame, value, digitsOf(value));
  const high = Math.floor(value / BILLION);
  writeDigits(frame, high, digitsOf(high));
  writeDigits(frame, value - high * BILLION, 9);
}

function writeDigits(frame: ByteWriter, value: number, count: number): void {
  const start = frame.reserve(count);
  const buffer = frame.buffer;
  let rest = value;
  for (let index = start + count - 1; index >= start; index--) {
    const quotient = (rest / 10) | 0;
    buffer[index] = 0x30 + rest - quotient * 10;
    rest = quotient;
  }
}

/** Of an integer below 10^9. High parts of safe integers are below 10^7. */
function digitsOf(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}
