import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Command, ProtocolError, protobufCodec } from '@pharos/client-protocol';
import fc from 'fast-check';
import { commands, wireCommand } from './commands.ts';
import { frameByProtobufjs } from './protocol.ts';

/** What lies around each frame: fields that are not known, so that who read on would hardly notice. */
const foreign = 0x18;

/** Decodes or is refused with a ProtocolError, no more comes out than went in, and nothing around the frame makes a difference. */
function assertSound(frame: Buffer): void {
  const alone = outcome(Buffer.from(new Uint8Array(frame).buffer));
  const around = Buffer.alloc(frame.length + 64, foreign);
  frame.copy(around, 32);
  assert.deepEqual(outcome(around.subarray(32, 32 + frame.length)), alone, frame.toString('hex'));
  if (typeof alone !== 'string')
    assert.ok(contentBytes(alone) <= frame.length, `made up bytes from ${frame.toString('hex')}`);
}

function outcome(frame: Buffer): Command[] | string {
  try {
    return protobufCodec.decodeCommands(frame);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `threw ${String(error)} for ${frame.toString('hex')}`);
    assert.ok(error.message.length < 400, error.message);
    return error.code;
  }
}

/** Bytes of all texts and data in a value. Of a key of a map its value's channel is a copy. */
function contentBytes(value: unknown): number {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return Buffer.byteLength(value);
  if (value instanceof Map)
    return [...(value as Map<string, unknown>)].reduce((sum, [, each]) => sum + contentBytes(each), 0);
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + contentBytes(each), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [name, each]) => sum + (name === 'method' ? 0 : contentBytes(each)), 0);
}

const samples = [
  {
    id: 1,
    connect: {
      token: 't',
      data: Buffer.from('{}'),
      subs: { a: { recover: true, offset: 1, epoch: 'e' } },
      headers: { x: 'y' },
    },
  },
  {
    id: 2,
    subscribe: { channel: 'c', offset: 12, tf: { op: 'or', nodes: [{ key: 'k', vals: ['a', 'b'] }] }, flag: 1 },
  },
  { id: 3, publish: { channel: 'c', data: Buffer.alloc(130, 1) } },
  { id: 4, history: { channel: 'c', limit: -1, since: { offset: 3, epoch: 'x' }, reverse: true } },
];
const frames = [
  ...samples.map((sample) => frameByProtobufjs('Command', sample)),
  frameByProtobufjs('Command', ...samples),
];

describe('whatever the bytes, decoding gives commands or a ProtocolError', () => {
  test('arbitrary bytes, bare and behind a length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (array) => {
        assertSound(Buffer.from(array));
        assertSound(Buffer.from([array.length, ...array]));
      }),
      { numRuns: 5000 },
    );
  });

  test('fields at random under every method', () => {
    const field = fc
      .tuple(
        fc.integer({ min: 0, max: 17 }),
        fc.integer({ min: 0, max: 7 }),
        fc.uint8Array({ maxLength: 12 }),
        fc.boolean(),
      )
      .map(([number, wireType, body, measured]) =>
        Buffer.from([((number << 3) | wireType) & 0x7f, ...(measured ? [body.length] : []), ...body]),
      );
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 15 }), fc.array(field, { maxLength: 4 }), (method, fields) => {
        const body = Buffer.concat(fields);
        const command = Buffer.concat([Buffer.from([0x08, 0x01, (method << 3) | 2, body.length]), body]);
        assertSound(Buffer.concat([Buffer.from([command.length]), command]));
      }),
      { numRuns: 5000 },
    );
  });

  test('every one-byte change, cut and hole of valid frames', () => {
    for (const frame of frames) {
      for (let at = 0; at < frame.length; at++) {
        for (const byte of [0x00, 0x01, 0x07, 0x0a, 0x12, 0x7f, 0x80, 0xff]) {
          const changed = Buffer.from(frame);
          changed[at] = byte;
          assertSound(changed);
        }
        assertSound(frame.subarray(0, at));
        assertSound(Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1)]));
      }
    }
  });

  test('damaged frames of random commands', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(...commands.values()), damage, (command, changes) => {
        const frame = frameByProtobufjs('Command', wireCommand(command));
        for (const [at, byte] of changes) frame[at % frame.length] = byte;
        assertSound(frame);
      }),
      { numRuns: 3000 },
    );
  });

  test('lengths that claim gigabytes allocate nothing', () => {
    const claims = ['ffffffff07', 'ffffffff0f', 'ffffffffffffff0f', '8080808008'];
    const before = process.memoryUsage().arrayBuffers;
    for (const claim of claims) {
      for (const start of ['', '7f0801', '143a10', '143a1012', '142a0f6a0d2a', '0f220d1a0b0a']) {
        for (let repeat = 0; repeat < 100; repeat++) assertSound(Buffer.from(start + claim + '00'.repeat(20), 'hex'));
      }
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
  });
});
