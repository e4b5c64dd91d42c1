import { createRequire } from 'node:module';
import { ByteReader } from '@pharos/bytes';
import type * as Snappy from 'snappy';
import type { CompressionCodec } from './codec.ts';

/** What the protocol calls SNAPPY: one raw block, not the framing format. Loads its library. */
export function snappyCodec(): CompressionCodec {
  const snappy = createRequire(import.meta.url)('snappy') as typeof Snappy;
  return {
    // A copy of 64 bytes takes three, and none is longer.
    maxRatio: 22,
    compress: (payload) => snappy.compressSync(payload),
    uncompress: (payload, size) => {
      // The library makes room for what the block says of itself.
      const claimed = new ByteReader(payload).varint32();
      if (claimed !== size) throw new RangeError(`a block of ${claimed} bytes, ${size} expected`);
      return snappy.uncompressSync(payload, { asBuffer: true }) as Buffer;
    },
  };
}
