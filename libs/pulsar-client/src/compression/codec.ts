/** Makes payloads smaller and whole again. */
export interface CompressionCodec {
  compress(payload: Buffer): Buffer;
  /** `size` is what comes out; anything else is damage. Throws whatever its library throws. */
  uncompress(payload: Buffer, size: number): Buffer;
}
