import { constants, deflateSync, inflateSync } from 'node:zlib';
import type { CompressionCodec } from './codec.ts';

/** What the protocol calls ZLIB: deflate with zlib's header. Java's client flushes it and never ends it; C++'s and this one end it. */
export function zlibCodec(): CompressionCodec {
  return {
    // Two bits for 258 bytes, and a header.
    maxRatio: 1032,
    compress: (payload) => deflateSync(payload),
    // What was never ended is no error then; what was cut shows by its size. A limit of 0 would mean none.
    uncompress: (payload, size) =>
      inflateSync(payload, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(1, size) }),
  };
}
