// Hot path: every Pulsar frame with a payload passes through here.
import { createRequire } from 'node:module';
import type * as Native from '@node-rs/crc32';

const POLYNOMIAL = 0x82f63b78; // Castagnoli, bit-reversed
const SLICES = 8;

const tables: Int32Array = makeTables();

/** From here on the processor's own instruction wins over the tables, though it lies behind a call out of JavaScript. */
const nativeFromBytes = 256;

type NativeCrc32c = typeof Native.crc32c;

/** `undefined`: not looked for yet; null: there is none for this platform. */
let native: NativeCrc32c | null | undefined;

/**
 * CRC32C (Castagnoli) of `bytes[start, end)` as an unsigned 32-bit number. `seed` is the checksum of what came before, so
 * that a checksum can be made over several buffers.
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  if (end - start < nativeFromBytes) return crc32cByTables(bytes, start, end, seed);
  if (native === undefined) native = loadNative();
  return native === null ? crc32cByTables(bytes, start, end, seed) : native(bytes.subarray(start, end), seed);
}

/** The same in JavaScript: eight bytes a step with eight tables ("slicing by 8", Kounavis and Berry 2005). */
export function crc32cByTables(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let index = start;
  for (const limit = end - 7; index < limit; index += 8) {
    const low =
      crc ^
      ((bytes[index] as number) |
        ((bytes[index + 1] as number) << 8) |
        ((bytes[index + 2] as number) << 16) |
        ((bytes[index + 3] as number) << 24));
    crc =
      (tables[1792 + (low & 0xff)] as number) ^
      (tables[1536 + ((low >>> 8) & 0xff)] as number) ^
      (tables[1280 + ((low >>> 16) & 0xff)] as number) ^
      (tables[1024 + (low >>> 24)] as number) ^
      (tables[768 + (bytes[index + 4] as number)] as number) ^
      (tables[512 + (bytes[index + 5] as number)] as number) ^
      (tables[256 + (bytes[index + 6] as number)] as number) ^
      (tables[bytes[index + 7] as number] as number);
  }
  for (; index < end; index++) {
    crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[index] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
}

/** An optional package: what has no binary for this platform computes the same, slower. */
function loadNative(): NativeCrc32c | null {
  try {
    return (createRequire(import.meta.url)('@node-rs/crc32') as typeof Native).crc32c;
  } catch {
    return null;
  }
}

function makeTables(): Int32Array {
  const table = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const previous = table[(slice - 1) * 256 + byte] as number;
      table[slice * 256 + byte] = (previous >>> 8) ^ (table[previous & 0xff] as number);
    }
  }
  return table;
}
