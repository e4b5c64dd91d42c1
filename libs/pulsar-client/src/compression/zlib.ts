import { deflateSync, inflateSync } from 'node:zlib';
import type { CompressionCodec } from './codec.ts';

/** What the protocol calls ZLIB: deflate with zlib's header, as Java's Deflater makes it. */
export const zlibCodec: CompressionCodec = {
  compress: (payload: Buffer): Buffer => deflateSync(payload),
  // A limit of 0 would mean none.
  uncompress: (payload: Buffer, size: number): Buffer => inflateSync(payload, { maxOutputLength: Math.max(1, size) }),
};
