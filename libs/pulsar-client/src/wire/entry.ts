/*
 * What follows the command in SEND and MESSAGE, sizes and checksum in big-endian bytes:
 *   [0x0e02 u16] [size u32] [BrokerEntryMetadata]      optional, from the broker only
 *   [0x0e01 u16] [crc32c u32]                          optional; the checksum covers all that follows
 *   [size u32] [MessageMetadata] [payload]
 */
import { ByteReader, crc32c } from '@pharos/bytes';
import type { ByteWriter } from '@pharos/bytes';
import { decodeBrokerEntryMetadata, encodeBrokerEntryMetadata } from './broker-entry-metadata.ts';
import type { BrokerEntryMetadata } from './broker-entry-metadata.ts';
import { asWireError } from './errors.ts';
import { decodeMessageMetadata, encodeMessageMetadata } from './message-metadata.ts';
import type { MessageMetadata } from './message-metadata.ts';

const CHECKSUM_MAGIC = 0x0e01;
const BROKER_ENTRY_MAGIC = 0x0e02;

/** An entry taken apart; where its checksum is wrong, nothing behind the checksum is to be trusted, and so isn't given. */
export type Entry =
  | {
      readonly checksumOk: true;
      readonly brokerEntry: BrokerEntryMetadata | undefined;
      readonly metadata: MessageMetadata;
      /** A view: one message, or a batch where `metadata.numMessagesInBatch` is present; compressed as `metadata` says. */
      readonly payload: Buffer;
    }
  | { readonly checksumOk: false; readonly brokerEntry: BrokerEntryMetadata | undefined };

export interface DecodeEntryOptions {
  /**
   * Compare the checksum where there is one.
   * @default true
   */
  readonly verifyChecksum?: boolean;
}

/** Appends checksum, metadata and payload to `writer`. */
export function encodeEntry(writer: ByteWriter, metadata: MessageMetadata, payload: Uint8Array): void {
  writer.uint16(CHECKSUM_MAGIC);
  const checksumAt = writer.reserve(4);
  const start = writer.reserve(4);
  encodeMessageMetadata(writer, metadata);
  writer.uint32At(start, writer.length - start - 4);
  writer.bytes(payload);
  writer.uint32At(checksumAt, crc32c(writer.buffer, start, writer.length));
}

/** Appends broker entry metadata, which goes ahead of the entry, to `writer`: what a broker does (for scripted ones). */
export function encodeBrokerEntry(writer: ByteWriter, brokerEntry: BrokerEntryMetadata): void {
  writer.uint16(BROKER_ENTRY_MAGIC);
  const sizeAt = writer.reserve(4);
  encodeBrokerEntryMetadata(writer, brokerEntry);
  writer.uint32At(sizeAt, writer.length - sizeAt - 4);
}

/**
 * Takes apart what a frame holds behind its command.
 *
 * @throws {WireError} `malformed`, `missing_field`
 */
export function decodeEntry(bytes: Buffer, options: DecodeEntryOptions = {}): Entry {
  try {
    return decode(new ByteReader(bytes), options.verifyChecksum ?? true);
  } catch (error) {
    throw asWireError(error, 'entry');
  }
}

function decode(reader: ByteReader, verifyChecksum: boolean): Entry {
  let brokerEntry: BrokerEntryMetadata | undefined;
  if (nextMagic(reader) === BROKER_ENTRY_MAGIC) {
    reader.skip(2);
    brokerEntry = decodeBrokerEntryMetadata(sized(reader));
  }
  if (nextMagic(reader) === CHECKSUM_MAGIC) {
    reader.skip(2);
    const checksum = reader.uint32();
    if (verifyChecksum && crc32c(reader.buffer, reader.position, reader.end) !== checksum) {
      return { checksumOk: false, brokerEntry };
    }
  }
  const metadata = decodeMessageMetadata(sized(reader));
  return { checksumOk: true, brokerEntry, metadata, payload: reader.bytes(reader.remaining) };
}

/** The next two bytes, not consumed: a magic number or, as sizes stay below 2^24, the upper half of a size. */
function nextMagic(reader: ByteReader): number {
  return reader.remaining < 2 ? 0 : reader.buffer.readUInt16BE(reader.position);
}

function sized(reader: ByteReader): ByteReader {
  const size = reader.uint32();
  const start = reader.position;
  reader.skip(size);
  return new ByteReader(reader.buffer, start, start + size);
}
