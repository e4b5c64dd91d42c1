// Hot path: every frame that is fanned out to the subscribers of a channel is built here.
import { ByteWriter } from '@pharos/bytes';
import type { ClientInfo } from '../messages/client-info.ts';
import type { ChannelRef } from '../messages/push.ts';
import type { RawData } from '../messages/raw-data.ts';
import { pushField, pushFieldNumbers, writeChannel } from './encode-pushes.ts';
import { MessageWriter } from './message-writer.ts';
import { varintLength, wireTypes } from './wire.ts';

// Tags of all fields below 16 are one byte.
const PUSH = (pushField << 3) | wireTypes.bytes;
const PUB = (pushFieldNumbers.pub << 3) | wireTypes.bytes;
const DATA = (4 << 3) | wireTypes.bytes;
const INFO = (5 << 3) | wireTypes.bytes;
const OFFSET = (6 << 3) | wireTypes.varint;
const TAGS = (7 << 3) | wireTypes.bytes;
const DELTA = (8 << 3) | wireTypes.varint;
const TIME = (9 << 3) | wireTypes.varint;
const USER = (1 << 3) | wireTypes.bytes;
const CLIENT = (2 << 3) | wireTypes.bytes;
const CONN_INFO = (3 << 3) | wireTypes.bytes;
const CHAN_INFO = (4 << 3) | wireTypes.bytes;
const KEY = (1 << 3) | wireTypes.bytes;
const VALUE = (2 << 3) | wireTypes.bytes;

/** What every publication push of a channel names it by. Made once a channel. */
export function protobufPublicationPrefix(ref: ChannelRef): Buffer {
  const frame = new ByteWriter();
  writeChannel(new MessageWriter(frame), ref);
  return frame.copy();
}

/**
 * Packs publication pushes into one frame. The storage is reused: build, send `view()`, `reset()`.
 *
 * Lengths are computed first and everything is written once, straight to where it stays.
 */
export class ProtobufPublicationFrameBuilder {
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
   * @param prefix of {@link protobufPublicationPrefix}
   * @param data any bytes
   * @param offset 0: none
   * @param timeMs milliseconds since 1970; 0: unknown
   */
  append(
    prefix: Buffer,
    data: RawData,
    offset: number,
    timeMs: number,
    info?: ClientInfo,
    tags?: ReadonlyMap<string, string>,
  ): this {
    const frame = this.#frame;
    const infoLength = info === undefined ? 0 : lengthOfInfo(info);
    let length = 0;
    if (data.length > 0) length += lengthOfField(data.length);
    if (info !== undefined) length += lengthOfField(infoLength);
    if (offset !== 0) length += 1 + varintLength(offset);
    if (tags !== undefined) for (const [name, value] of tags) length += lengthOfField(lengthOfTag(name, value));
    if (this.#nextIsDelta) length += 2;
    if (timeMs !== 0) length += 1 + varintLength(timeMs);

    const pushLength = prefix.length + lengthOfField(length);
    frame.varint(lengthOfField(pushLength)).uint8(PUSH).varint(pushLength).bytes(prefix).uint8(PUB).varint(length);
    if (data.length > 0) frame.uint8(DATA).varint(data.length).bytes(data);
    if (info !== undefined) writeInfo(frame.uint8(INFO).varint(infoLength), info);
    if (offset !== 0) frame.uint8(OFFSET).varint(offset);
    if (tags !== undefined) for (const [name, value] of tags) writeTag(frame, name, value);
    if (this.#nextIsDelta) frame.uint8(DELTA).uint8(1);
    if (timeMs !== 0) frame.uint8(TIME).varint(timeMs);
    this.#nextIsDelta = false;
    this.#count++;
    return this;
  }

  /** @param message one encoded message of another kind, with its length before it: a join, a leave */
  appendMessage(message: Buffer): this {
    this.#frame.bytes(message);
    this.#count++;
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

/** Tag, length and content of a field of bytes. */
function lengthOfField(contentLength: number): number {
  return 1 + varintLength(contentLength) + contentLength;
}

function lengthOfInfo({ user, client, connInfo, chanInfo }: ClientInfo): number {
  let length = 0;
  if (user !== '') length += lengthOfField(Buffer.byteLength(user));
  if (client !== '') length += lengthOfField(Buffer.byteLength(client));
  if (connInfo !== undefined && connInfo.length > 0) length += lengthOfField(connInfo.length);
  if (chanInfo !== undefined && chanInfo.length > 0) length += lengthOfField(chanInfo.length);
  return length;
}

function lengthOfTag(name: string, value: string): number {
  return lengthOfField(Buffer.byteLength(name)) + lengthOfField(Buffer.byteLength(value));
}

function writeInfo(frame: ByteWriter, { user, client, connInfo, chanInfo }: ClientInfo): void {
  if (user !== '') writeText(frame.uint8(USER), user);
  if (client !== '') writeText(frame.uint8(CLIENT), client);
  if (connInfo !== undefined && connInfo.length > 0) frame.uint8(CONN_INFO).varint(connInfo.length).bytes(connInfo);
  if (chanInfo !== undefined && chanInfo.length > 0) frame.uint8(CHAN_INFO).varint(chanInfo.length).bytes(chanInfo);
}

function writeTag(frame: ByteWriter, name: string, value: string): void {
  frame.uint8(TAGS).varint(lengthOfTag(name, value));
  writeText(frame.uint8(KEY), name);
  writeText(frame.uint8(VALUE), value);
}

function writeText(frame: ByteWriter, text: string): void {
  frame.varint(Buffer.byteLength(text)).utf8(text);
}
