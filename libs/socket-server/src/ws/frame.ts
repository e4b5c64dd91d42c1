const TEXT = 0x81;
const BINARY = 0x82;

/** One unfragmented, unmasked data frame of RFC 6455, header and payload in one buffer of its own. */
export function dataFrame(message: string | Uint8Array, isBinary: boolean): Buffer {
  const length = typeof message === 'string' ? Buffer.byteLength(message) : message.length;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = isBinary ? BINARY : TEXT;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  if (typeof message === 'string') frame.write(message, headerLength, 'utf8');
  else frame.set(message, headerLength);
  return frame;
}
