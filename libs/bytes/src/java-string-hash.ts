/**
 * Pulsar's `JavaStringHash`: Java's `String.hashCode()` with the sign bit cleared, 0 to 2^31 − 1.
 *
 * It runs over UTF-16 units, as in Java. (The Go client's runs over UTF-8 bytes and agrees for ASCII only.)
 */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash & 0x7fffffff;
}

/**
 * The same hash of a string that lies as UTF-8 in `bytes[start, end)`, without making the string where it is ASCII.
 *
 * Malformed UTF-8 hashes as its decoded form, with replacement characters.
 */
export function javaStringHashOfUtf8(bytes: Buffer, start: number, end: number): number {
  let hash = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte > 0x7f) return javaStringHash(bytes.toString('utf8', start, end));
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return hash & 0x7fffffff;
}
