/** Makes payloads smaller and whole again. */
export interface CompressionCodec {
  /** Bytes that come out of one at most, by the format: what claims more is refused before any memory is taken for it. */
  readonly maxRatio: number;
  compress(payload: Buffer): Buffer;
  /** `size` is what comes out, and no more is ever made; anything else is damage. Throws whatever its library throws. */
  uncompress(payload: Buffer, size: number): Buffer;
}
