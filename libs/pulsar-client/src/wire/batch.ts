// Hot path: every message that is published or tailed passes through here, so plain loops and no allocation per message.
/*
 * The payload of a batch, once it is uncompressed: for each message
 *   [size u32, big-endian] [SingleMessageMetadata] [payload]
 */
import { ByteReader } from '@pharos/bytes';
import type { ByteWriter } from '@pharos/bytes';
import { asWireError, WireError } from './errors.ts';
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
   * @throws {WireError} `malformed`, `missing_field`; the cursor is then of no use until the next `reset`
   */
  next(): boolean {
    throw new WireError('malformed', 'not yet');
  }

  /** All metadata of the current message, in an object of its own. */
  singleMessageMetadata(): SingleMessageMetadata {
    try {
      return decodeSingleMessageMetadata(new ByteReader(this.buffer, this.metadataStart, this.metadataEnd));
    } catch (error) {
      throw asWireError(error, 'message metadata in a batch');
    }
  }
}
