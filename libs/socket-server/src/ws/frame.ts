import { constants, deflateRawSync } from 'node:zlib';

const TEXT = 0x81;
const BINARY = 0x82;
/** RSV1: the payload is compressed (RFC 7692). */
const COMPRESSED = 0x40;
/** What a flushed deflate stream ends with, and a compressed message leaves out. */
const TAIL_BYTES = 4;

/** One unfragmented, unmasked data frame of RFC 6455, header and payload in one buffer of its own. */
export function dataFrame(message: string | Uint8Array, isBinary: boolean): Buffer {
  const length = typeof message === 'string' ? Buffer.byteLength(message) : message.length;
  const [frame, headerLength] = begin(length, isBinary ? BINARY : TEXT);
  if (typeof message === 'string') frame.write(message, headerLength, 'utf8');
  else frame.set(message, headerLength);
  return frame;
}

/** The same compressed, for any client that takes messages without a context; undefined where that makes it no shorter. */
export function compressedFrame(message: string | Uint8Array, isBinary: boolean): Buffer | undefined {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  const deflated = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  const length = deflated.length - TAIL_BYTES;
  if (length >= bytes.length) return undefined;
  const [frame, headerLength] = begin(length, (isBinary ? BINARY : TEXT) | COMPRESSED);
  deflated.copy(frame, headerLength, 0, length);
  return frame;
}

function begin(length: number, firstByte: number): [frame: Buffer, headerLength: number] {
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = firstByte;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  return [frame, headerLength];
}
