const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

/** MurmurHash3 (x86, 32 bits, seed 0) of the key's UTF-8, with the sign bit cleared, as Pulsar's clients use it. */
export function murmur3Hash(key: string): number {
  const bytes = Buffer.from(key, 'utf8');
  const blocksEnd = bytes.length & ~3;
  let hash = 0;
  for (let index = 0; index < blocksEnd; index += 4) {
    hash ^= scramble(bytes.readInt32LE(index));
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let index = bytes.length - 1; index >= blocksEnd; index--) tail = (tail << 8) | (bytes[index] as number);
  hash ^= scramble(tail);
  return finish(hash ^ bytes.length) & 0x7fffffff;
}

function scramble(block: number): number {
  return Math.imul(rotate(Math.imul(block, c1), 15), c2);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finish(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
