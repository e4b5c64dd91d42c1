import { createRequire } from 'node:module';
import type * as Lz4 from 'lz4-napi';
import type { CompressionCodec } from './codec.ts';

/** The library puts the size, which the protocol has in the metadata, in front of a block: four bytes, little-endian. */
const prefixBytes = 4;

/** What the protocol calls LZ4: one raw block. Loads its library. */
export function lz4Codec(): CompressionCodec {
  const lz4 = createRequire(import.meta.url)('lz4-napi') as typeof Lz4;
  return {
    // A byte of length extends a match by 255 at most.
    maxRatio: 255,
    compress: (payload) => lz4.compressSync(payload).subarray(prefixBytes),
    uncompress: (payload, size) => {
      const prefixed = Buffer.allocUnsafe(prefixBytes + payload.length);
      prefixed.writeUInt32LE(size, 0);
      payload.copy(prefixed, prefixBytes);
      return lz4.uncompressSync(prefixed);
    },
  };
}
