import { crc32c } from '@pharos/bytes';

import type { Figure, FigureContext, FigureOutcome } from '../frame/figure.ts';
import { measurePairs, type Work } from '../frame/in-process.ts';

/** A small entry, and a full batch. */
const sizes = [1024, 128 * 1024];
const callsInTurn = 64;
/** By the processor's instruction; by tables in JavaScript it comes to 40 and more. */
const reach = 16;

/** What it costs to make or verify the checksum of an entry. */
export const checksum: Figure = {
  id: 'CRC',
  title: 'checksum of an entry ÷ copying the same bytes',
  measure: async (context) => measureChecksum(context, context.quick ? 100 : 500),
};

export function measureChecksum(context: FigureContext, windowMs: number): FigureOutcome {
  const results = sizes.map((bytes) => {
    const source = Buffer.from(Array.from({ length: bytes }, (_, index) => (index * index * 31) >>> 3));
    const figure = { id: `CRC-${bytes}`, what: `CPU for each byte, entries of ${bytes} B, CRC32C`, reach };
    return measurePairs(context, figure, { pharos: checksums(source), floor: copies(source) }, windowMs);
  });
  return { results, skipped: [] };
}

function checksums(source: Buffer): Work {
  const expected = crc32c(source, 0, source.length, 0);
  return () => {
    let right = true;
    for (let call = 0; call < callsInTurn; call++) right &&= crc32c(source) === expected;
    return { units: callsInTurn * source.length, right };
  };
}

function copies(source: Buffer): Work {
  const target = Buffer.alloc(source.length);
  return () => {
    let copied = 0;
    for (let call = 0; call < callsInTurn; call++) copied += source.copy(target);
    return { units: copied, right: copied === callsInTurn * source.length && target[7] === source[7] };
  };
}
