import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { clientFrame, FrameReader, opcodes } from '../bench/frame/web-socket-frames.ts';

function serverFrame(opcode: number, payload: Buffer): Buffer {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, payload.length])
      : payload.length <= 0xffff
        ? Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 0xff])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127]), bigLength(payload.length)]);
  return Buffer.concat([head, payload]);
}

function bigLength(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}

/** Feeds the bytes in pieces, all through one buffer, as the sockets of a receiver do. */
function readInPieces(bytes: Buffer, sizes: readonly number[]): [number, string][] {
  const reader = new FrameReader();
  const frames: [number, string][] = [];
  const shared = Buffer.alloc(bytes.length);
  let at = 0;
  for (let piece = 0; at < bytes.length; piece++) {
    const end = Math.min(bytes.length, at + (sizes[piece % sizes.length] ?? 1));
    shared.fill(0);
    bytes.copy(shared, 0, at, end);
    reader.read(shared.subarray(0, end - at), (opcode, buffer, start, stop) => {
      frames.push([opcode, buffer.toString('latin1', start, stop)]);
    });
    at = end;
  }
  return frames;
}

describe('WebSocket frames', () => {
  test('frames of every length form come out whole, however the bytes are cut', () => {
    const payloads = [0, 1, 125, 126, 300, 65_535, 65_536].map((length) => Buffer.alloc(length, 'ab'));
    const bytes = Buffer.concat(payloads.map((payload) => serverFrame(opcodes.text, payload)));
    const expected = payloads.map((payload) => [opcodes.text, payload.toString('latin1')]);
    for (const sizes of [[bytes.length], [1_000], [7, 1, 64_000]]) {
      assert.deepEqual(readInPieces(bytes, sizes), expected);
    }
  });

  test('any cuts of any frames', () => {
    const frame = fc.tuple(fc.constantFrom(...Object.values(opcodes)), fc.string({ maxLength: 200 }));
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (frames, sizes) => {
          const bytes = Buffer.concat(frames.map(([opcode, text]) => serverFrame(opcode, Buffer.from(text, 'latin1'))));
          const expected = frames.map(([opcode, text]) => [opcode, Buffer.from(text, 'latin1').toString('latin1')]);
          assert.deepEqual(readInPieces(bytes, sizes), expected);
        },
      ),
    );
  });

  test('a masked, a fragmented and a compressed frame are refused', () => {
    for (const bytes of [
      clientFrame(opcodes.text, Buffer.from('x')),
      Buffer.from([0x01, 1, 0x78]),
      Buffer.from([0xc1, 1, 0x78]),
    ]) {
      assert.throws(
        () => new FrameReader().read(bytes, () => assert.fail('no frame')),
        /expected a whole unmasked frame/,
      );
    }
  });

  test("a client's frame is masked and holds its payload", () => {
    for (const length of [0, 125, 126, 1_000]) {
      const payload = Buffer.alloc(length, 'xyz');
      const frame = clientFrame(opcodes.ping, payload);
      const headBytes = length < 126 ? 2 : 4;
      assert.equal(frame[0], 0x89);
      assert.equal(frame[1], 0x80 | (length < 126 ? length : 126));
      const mask = frame.subarray(headBytes, headBytes + 4);
      const unmasked = frame.subarray(headBytes + 4).map((byte, index) => byte ^ (mask[index & 3] ?? 0));
      assert.deepEqual(Buffer.from(unmasked), payload);
    }
    assert.throws(() => clientFrame(opcodes.text, Buffer.alloc(65_536)), RangeError);
  });
});
