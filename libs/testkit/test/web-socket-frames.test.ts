import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { clientFrame, FrameReader, opcodes, ServerStream, upgradeRequest, zeroMaskedFrame } from '../src/index.ts';

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
    for (const length of [0, 125, 126, 65_535, 65_536]) {
      const frames: [number, number][] = [];
      const frame = zeroMaskedFrame(opcodes.binary, Buffer.alloc(length));
      // Behind the mask of zeros lies the payload as it is.
      const unmasked = Buffer.concat([frame.subarray(0, frame.length - length - 4), Buffer.alloc(length)]);
      unmasked[1] = (frame[1] as number) & 0x7f;
      new FrameReader().read(unmasked, (opcode, _bytes, start, end) => frames.push([opcode, end - start]));
      assert.deepEqual(frames, [[opcodes.binary, length]]);
    }
    assert.equal(zeroMaskedFrame(opcodes.text, Buffer.from('x'), 0xc1)[0], 0xc1);
  });

  test('behind the answer to an upgrade, cut anywhere; a refusal is told, and nothing behind it', () => {
    assert.match(
      upgradeRequest('h:1', '/x?y', { Origin: 'o' }),
      /^GET \/x\?y HTTP\/1\.1\r\nHost: h:1\r\n[^]*Origin: o\r\n\r\n$/,
    );
    const told = (bytes: Buffer, size: number): string[] => {
      const seen: string[] = [];
      const stream = new ServerStream({
        opened: () => seen.push('opened'),
        refused: (status) => seen.push(status),
        frame: (_opcode, buffer, start, end) => seen.push(buffer.toString('latin1', start, end)),
      });
      for (let at = 0; at < bytes.length; at += size) stream.read(bytes.subarray(at, at + size));
      return seen;
    };
    const frames = Buffer.concat([
      serverFrame(opcodes.text, Buffer.from('a')),
      serverFrame(opcodes.text, Buffer.from('b')),
    ]);
    const answer = (status: string): Buffer =>
      Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\nX: y\r\n\r\n`), frames]);
    for (const size of [1, 3, 1_000]) {
      assert.deepEqual(told(answer('101 Switching'), size), ['opened', 'a', 'b']);
      assert.deepEqual(told(answer('404 Not Found'), size), ['HTTP/1.1 404 Not Found']);
    }
  });

  test('a lenient reader takes what no server of ours sends', () => {
    const frames: [number, string][] = [];
    const odd = [serverFrame(opcodes.text, Buffer.from('a')), serverFrame(opcodes.binary, Buffer.from('b'))];
    (odd[0] as Buffer)[0] = 0xc1;
    new FrameReader(true).read(Buffer.concat(odd), (opcode, buffer, start, end) =>
      frames.push([opcode, buffer.toString('latin1', start, end)]),
    );
    assert.deepEqual(frames, [
      [opcodes.text, 'a'],
      [opcodes.binary, 'b'],
    ]);
  });
});
