/*
 * Frames, sizes in big-endian bytes:
 *   simple   [total u32] [command size u32] [BaseCommand]                             total = 4 + command size
 *   payload  [total u32] [command size u32] [BaseCommand] [entry]                     SEND and MESSAGE only; see entry.ts
 */
import { ByteReader } from '@pharos/bytes';
import type { ByteWriter } from '@pharos/bytes';
import { decodeBaseCommand, encodeBaseCommand } from './base-command.ts';
import type { BaseCommand, KnownCommand } from './base-command.ts';
import { encodeEntry } from './entry.ts';
import { WireError } from './errors.ts';
import type { MessageMetadata } from './message-metadata.ts';

/** Bytes of metadata and payload that a broker takes in one entry unless CONNECTED says otherwise. */
export const DEFAULT_MAX_MESSAGE_BYTES: number = 5 * 1024 * 1024;

/** What a frame may hold beside metadata and payload: the brokers' own allowance. */
export const FRAME_OVERHEAD_BYTES: number = 10 * 1024;

/** A whole frame, taken apart. */
export interface Frame {
  readonly command: BaseCommand;
  /** What follows the command, for `decodeEntry`; a view into the chunk that was pushed, where the frame lies within one. */
  readonly entry: Buffer | undefined;
}

const EMPTY: Buffer = Buffer.alloc(0);

export interface FrameParserOptions {
  /**
   * Bytes of metadata and payload in one frame.
   * @default 5 MiB
   */
  readonly maxMessageBytes?: number;
}

/** Appends a frame without a payload to `writer`. */
export function encodeFrame(writer: ByteWriter, command: KnownCommand): void {
  const start = openFrame(writer, command);
  writer.uint32At(start, writer.length - start - 4);
}

/** Appends a frame with metadata and payload, checksummed, to `writer`. The payload is copied. */
export function encodePayloadFrame(
  writer: ByteWriter,
  command: KnownCommand,
  metadata: MessageMetadata,
  payload: Uint8Array,
): void {
  const start = openFrame(writer, command);
  encodeEntry(writer, metadata, payload);
  writer.uint32At(start, writer.length - start - 4);
}

function openFrame(writer: ByteWriter, command: KnownCommand): number {
  const start = writer.reserve(8);
  encodeBaseCommand(writer, command);
  writer.uint32At(start + 4, writer.length - start - 8);
  return start;
}

/**
 * Cuts a stream of bytes into frames: `push` what came from the socket, then take frames with `next` until there is
 * none. Holds one chunk and at most one frame. After an error the stream has no frame border to go on from, so that
 * every further call throws the same error.
 */
export class FrameParser {
  #maxFrameBytes: number;
  #chunk: Buffer = EMPTY;
  #position = 0;
  /** The four bytes of a size that is spread over chunks. */
  readonly #header: Buffer = Buffer.alloc(4);
  #headerFilled = 0;
  /** A frame (without its size) that is spread over chunks. */
  #partial: Buffer | undefined;
  #partialFilled = 0;
  #failure: Error | undefined;

  constructor(options: FrameParserOptions = {}) {
    this.#maxFrameBytes = (options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES) + FRAME_OVERHEAD_BYTES;
  }

  /** Takes over CONNECTED's `maxMessageSize`. */
  setMaxMessageBytes(maxMessageBytes: number): void {
    this.#maxFrameBytes = maxMessageBytes + FRAME_OVERHEAD_BYTES;
  }

  /** Gives the parser the next bytes of the stream. It keeps the chunk, which must not change, and frames view into it. */
  push(chunk: Buffer): void {
    this.#chunk =
      this.#position === this.#chunk.length ? chunk : Buffer.concat([this.#chunk.subarray(this.#position), chunk]);
    this.#position = 0;
  }

  /**
   * The next whole frame; `undefined` until more bytes are pushed.
   *
   * @throws {WireError} `frame_too_large`, `malformed`, `missing_field`
   */
  next(): Frame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const body = this.#nextBody();
      return body === undefined ? undefined : decodeFrame(body);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  /** The next frame without its total size. */
  #nextBody(): Buffer | undefined {
    if (this.#partial !== undefined) return this.#continuePartial(this.#partial);
    const available = this.#chunk.length - this.#position;
    if (this.#headerFilled > 0 || available < 4) {
      const copied = this.#chunk.copy(this.#header, this.#headerFilled, this.#position);
      this.#position += copied;
      this.#headerFilled += copied;
      if (this.#headerFilled < 4) return undefined;
      this.#headerFilled = 0;
      return this.#startFrame(this.#checkedSize(this.#header.readUInt32BE(0)));
    }
    const size = this.#checkedSize(this.#chunk.readUInt32BE(this.#position));
    this.#position += 4;
    return this.#startFrame(size);
  }

  #startFrame(size: number): Buffer | undefined {
    const end = this.#position + size;
    if (end <= this.#chunk.length) {
      const body = this.#chunk.subarray(this.#position, end);
      this.#position = end;
      return body;
    }
    this.#partial = Buffer.allocUnsafe(size);
    this.#partialFilled = 0;
    return this.#continuePartial(this.#partial);
  }

  #continuePartial(partial: Buffer): Buffer | undefined {
    const copied = this.#chunk.copy(partial, this.#partialFilled, this.#position);
    this.#position += copied;
    this.#partialFilled += copied;
    if (this.#partialFilled < partial.length) return undefined;
    this.#partial = undefined;
    return partial;
  }

  #checkedSize(size: number): number {
    if (size > this.#maxFrameBytes) {
      throw new WireError('frame_too_large', `frame of ${size} bytes, at most ${this.#maxFrameBytes} expected`);
    }
    if (size < 4) throw new WireError('malformed', `frame of ${size} bytes, at least 4 expected`);
    return size;
  }
}

function decodeFrame(body: Buffer): Frame {
  const commandSize = body.readUInt32BE(0);
  if (commandSize > body.length - 4) {
    throw new WireError('malformed', `command of ${commandSize} bytes in a frame that has ${body.length - 4} left`);
  }
  const end = 4 + commandSize;
  const command = decodeBaseCommand(new ByteReader(body, 4, end));
  return { command, entry: end === body.length ? undefined : body.subarray(end) };
}
