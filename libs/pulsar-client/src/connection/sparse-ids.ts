/**
 * Commands have no checksum, and ids in them tell who is meant. Of these ids each has an even number of bits that are set, so that no
 * two of them differ by one bit: where one bit flips on its way, nobody else is meant, and who hears the id knows it.
 */
export class SparseIds {
  #next = 0;

  next(): number {
    const number = this.#next++;
    return 2 * number + (hasOddBits(number) ? 1 : 0);
  }
}

/** Whether this is no id that was ever given. Negative ones are the broker's "nobody". */
export function isNoSparseId(id: number): boolean {
  return id > 0 && hasOddBits(id);
}

function hasOddBits(value: number): boolean {
  const high = Math.floor(value / 2 ** 32);
  let bits = (value >>> 0) ^ high;
  for (const shift of [16, 8, 4, 2, 1]) bits ^= bits >>> shift;
  return (bits & 1) === 1;
}
