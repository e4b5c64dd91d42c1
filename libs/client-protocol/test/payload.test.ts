import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { classifyPayload, isJson, maxJsonDepth } from '@pharos/client-protocol';
import fc from 'fast-check';

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

function assertClassified(payload: string | Buffer, kind: string, json: string): void {
  const result = classifyPayload(Buffer.from(payload as string));
  assert.deepEqual({ kind: result.kind, json: result.json.toString('utf8') }, { kind, json });
}

describe('classifyPayload', () => {
  test('JSON is embedded as it is, without copying it', () => {
    for (const text of ['{"a":1}', ' [1] ', '"x"', '12345678901234567890', 'null', '1e999', '"\u2028"'])
      assertClassified(text, 'json', text);
    const payload = Buffer.from('{"a":1}');
    assert.equal(classifyPayload(payload).json, payload);
  });

  test('raw newlines between tokens become spaces, escaped ones stay', () => {
    assertClassified('{\r\n\t"a\\n": [\n1]\n}\n', 'json', '{  \t"a\\n": [ 1] } ');
    assertClassified('[\r1]', 'json', '[ 1]');
    assertClassified('[\n1]', 'json', '[ 1]');
    const payload = Buffer.from('[\n]');
    classifyPayload(payload);
    assert.equal(payload.toString(), '[\n]', 'the message itself must not change');
  });

  test('other UTF-8 becomes a JSON string', () => {
    assertClassified('', 'text', '""');
    assertClassified('hello', 'text', '"hello"');
    assertClassified('[<id>] hi', 'text', '"[<id>] hi"');
    assertClassified('"a\nb"', 'text', '"\\"a\\nb\\""');
    assertClassified('\ufeff{}', 'text', '"\ufeff{}"');
    assertClassified('\u0000\u2028😀é', 'text', '"\\u0000\u2028😀é"');
    assertClassified('{"a":1}{"b":2}', 'text', '"{\\"a\\":1}{\\"b\\":2}"');
    assertClassified('x}}\n{"push":{"disconnect":{}}}', 'text', '"x}}\\n{\\"push\\":{\\"disconnect\\":{}}}"');
  });

  test('JSON that is nested too deep for some decoders is text', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assertClassified(nested(maxJsonDepth), 'json', nested(maxJsonDepth));
    assertClassified(nested(maxJsonDepth + 1), 'text', `"${nested(maxJsonDepth + 1)}"`);
  });

  test('other bytes become base64', () => {
    assertClassified(Buffer.from([0xff]), 'binary', '"/w=="');
    // A surrogate half, an overlong slash, a cut-off character.
    for (const bytes of [
      [0xed, 0xa0, 0x80],
      [0xc0, 0xaf],
      [0x22, 0xe2, 0x82, 0x22],
    ]) {
      assertClassified(Buffer.from(bytes), 'binary', `"${Buffer.from(bytes).toString('base64')}"`);
    }
  });

  test('any bytes: one JSON value on one line that gives the payload back', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
      fc.string({ unit: codePoint }).map((text) => Buffer.from(text, 'utf8')),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value, undefined, 2))),
    );
    fc.assert(
      fc.property(bytes, (payload) => {
        const { kind, json } = classifyPayload(payload);
        assert.ok(isJson(json) && !json.includes(0x0a) && !json.includes(0x0d));
        const value = JSON.parse(json.toString('utf8')) as unknown;
        if (kind === 'json') assert.deepEqual(value, JSON.parse(payload.toString('utf8')));
        else assert.ok(Buffer.from(value as string, kind === 'text' ? 'utf8' : 'base64').equals(payload));
      }),
      { numRuns: 1500 },
    );
  });
});
