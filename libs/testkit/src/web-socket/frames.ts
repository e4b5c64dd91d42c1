import { randomBytes } from 'node:crypto';

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Gets each frame in turn; `bytes` between `start` and `end` is its payload and valid until the function returns. */
export type FrameHandler = (opcode: number, bytes: Buffer, start: number, end: number) => void;

/**
 * Finds the frames of a server in what a socket gives, with as little work as can be: no copies but of what is left over at
 * the end of a read. Servers here neither mask nor fragment; whatever does is an error, unless it is `lenient`: then heads may be any.
 */
export class FrameReader {
  readonly #isLenient: boolean;
  #rest: Buffer | undefined;

  constructor(isLenient = false) {
    this.#isLenient = isLenient;
  }

  /** Takes bytes off the socket, which stay the caller's. @throws SyntaxError */
  read(chunk: Buffer, onFrame: FrameHandler): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + 2 <= bytes.length) {
      const first = bytes[at] as number;
      const second = bytes[at + 1] as number;
      const short = second & 0x7f;
      if (((first & 0xf0) !== 0x80 || second > 127) && !this.#isLenient) {
        throw new SyntaxError(
          `expected a whole unmasked frame, got the head ${first.toString(16)} ${second.toString(16)}`,
        );
      }
      const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + headBytes > bytes.length) break;
      const length =
        short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      const start = at + headBytes;
      if (start + length > bytes.length) break;
      onFrame(first & 0x0f, bytes, start, start + length);
      at = start + length;
    }
    // A copy: the chunk is the socket's buffer, which the next read overwrites.
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }
}

/** A client's frame, masked as the standard asks; `payload` of at most 125 bytes, or 65,535. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  if (payload.length > 0xffff) throw new RangeError(`at most 65535 bytes, not ${payload.length}`);
  const headBytes = payload.length < 126 ? 2 : 4;
  const frame = Buffer.alloc(headBytes + 4 + payload.length);
  frame[0] = 0x80 | opcode;
  if (headBytes === 2) frame[1] = 0x80 | payload.length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(payload.length, 2);
  }
  const mask = randomBytes(4);
  mask.copy(frame, headBytes);
  for (let index = 0; index < payload.length; index++) {
    frame[headBytes + 4 + index] = (payload[index] as number) ^ (mask[index & 3] as number);
  }
  return frame;
}

/** A client's frame of any length, masked with zeros. @param first over the first byte of the head, such as 0xc1 for a compressed text */
export function zeroMaskedFrame(opcode: number, payload: Uint8Array, first: number = 0x80 | opcode): Buffer {
  const head = Buffer.alloc(14);
  head[0] = first;
  let length = 2;
  if (payload.length < 126) head[1] = 0x80 | payload.length;
  else if (payload.length < 65_536) {
    head[1] = 0x80 | 126;
    length = head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 0x80 | 127;
    length = head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head.subarray(0, length + 4), payload]);
}
