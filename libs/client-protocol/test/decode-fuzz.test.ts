import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeCommands, isJson, ProtocolError } from '@pharos/client-protocol';
import fc from 'fast-check';

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

const frames = [
  '{"id":1,"connect":{"token":"t","data":{"a":[1,2]},"subs":{"a":{"recover":true,"offset":1,"epoch":"e"}},"headers":{"x":"y"}}}',
  '{"id":2,"subscribe":{"channel":"c","recover":true,"offset":"12","tf":{"op":"or","nodes":[{"key":"k","cmp":"eq","val":"v"}]}}}',
  '{"id":3,"publish":{"channel":"c","data":{"text":"hé\\u00e9\\n","n":12345678901234567890}}}\n{"id":4,"ping":{}}\n{}',
  '{"id":5,"history":{"channel":"c","limit":10,"since":{"offset":3,"epoch":"x"}}}\n{"send":{"data":[null]}}',
].map((text) => Buffer.from(text));

/** Decodes or is refused with a ProtocolError; and what comes out raw is JSON, so that it can be embedded. */
function assertSound(frame: Buffer): void {
  let commands: ReturnType<typeof decodeCommands>;
  try {
    commands = decodeCommands(frame);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `threw ${String(error)} for ${frame.toString('hex')}`);
    return;
  }
  for (const command of commands) {
    if (
      command.method !== 'publish' &&
      command.method !== 'rpc' &&
      command.method !== 'send' &&
      command.method !== 'connect'
    )
      continue;
    const { data } = command.request;
    if (data !== undefined && data.length > 0) assert.ok(isJson(data) && !data.includes(0x0a), frame.toString('hex'));
  }
}

describe('whatever the bytes, decoding gives commands or a ProtocolError', () => {
  test('arbitrary bytes and texts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => assertSound(Buffer.from(bytes))),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: codePoint }), (text) => assertSound(Buffer.from(text, 'utf8'))),
      { numRuns: 1000 },
    );
  });

  test('every one-byte change of valid frames', () => {
    for (const frame of frames) {
      for (let at = 0; at < frame.length; at++) {
        for (const byte of [0x00, 0x0a, 0x22, 0x2c, 0x30, 0x5c, 0x5d, 0x7b, 0x7d, 0xff]) {
          const changed = Buffer.from(frame);
          changed[at] = byte;
          assertSound(changed);
        }
        assertSound(frame.subarray(0, at));
        assertSound(Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1)]));
      }
    }
  });

  test('any JSON under any method and field', () => {
    const method = fc.constantFrom('connect', 'subscribe', 'publish', 'history', 'rpc', 'send', 'sub_refresh');
    const field = fc.constantFrom(
      'channel',
      'data',
      'token',
      'subs',
      'headers',
      'offset',
      'tf',
      'since',
      'limit',
      'flag',
      'recover',
      '__proto__',
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom({ nodes: [{ vals: ['a'] }] }, { a: { offset: '1' } }, '7', -1, 2 ** 60),
    );
    const request = fc
      .array(fc.tuple(field, value), { maxLength: 4 })
      .map((members) => `{${members.map(([k, v]) => `"${k}":${JSON.stringify(v)}`).join(',')}}`);
    fc.assert(
      fc.property(method, request, fc.oneof(fc.nat(), fc.jsonValue()), (name, body, id) => {
        assertSound(Buffer.from(`{"id":${JSON.stringify(id)},"${name}":${body}}`));
      }),
      { numRuns: 2000 },
    );
  });
});

test('data of a publish is the text that the client wrote', () => {
  const text = fc
    .tuple(fc.jsonValue(), fc.constantFrom(0, 1, 2))
    .map(([value, indent]) => JSON.stringify(value, undefined, indent).replaceAll('\n', '\r'));
  fc.assert(
    fc.property(text, fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 0xffffffff }), (data, channel, id) => {
      const frame = `{"publish":{"channel":${JSON.stringify(channel)},"data":${data}},"id":${id}}`;
      assert.deepEqual(decodeCommands(frame), [
        { method: 'publish', id, request: { channel, data: Buffer.from(data) } },
      ]);
    }),
    { numRuns: 500 },
  );
});
