import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderText } from '@pharos/client-protocol';
import fc from 'fast-check';

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

function rendered(payload: string | Buffer, client?: string): string {
  return renderText(Buffer.from(payload as string), client).toString('utf8');
}

describe('renderText', () => {
  test('what an SDK client said, as a line of chat', () => {
    assert.equal(rendered('"hi"', 'id'), '[id] hi');
    assert.equal(rendered('""', 'id'), '[id] ');
    assert.equal(rendered(' {"name":"Ann","text":"h\\u00e9\\n"}', 'id'), '[id] hé\n');
    assert.equal(rendered('"\\ud800"', 'id'), '[id] \ufffd');
  });

  test('anything else as it is', () => {
    const kept = [
      '',
      'hi',
      '[id] hi',
      '1',
      'null',
      '[1]',
      '{"text":1}',
      '{"Text":"x"}',
      '{"__proto__":{"text":"x"}}',
      '{"text":"x"',
      '"x" y',
      '"a\nb"',
    ];
    for (const text of kept) assert.equal(rendered(text, 'id'), text);
    for (const text of ['"hi"', '{"text":"hi"}']) {
      assert.equal(rendered(text), text);
      assert.equal(rendered(text, ''), text);
    }
    const payload = Buffer.from('plain');
    assert.equal(renderText(payload, 'id'), payload);
  });

  test('bytes that are not UTF-8 become replacement characters', () => {
    assert.equal(rendered(Buffer.from([0x61, 0xff, 0x62]), 'id'), 'a\ufffdb');
  });

  test('is valid UTF-8 whatever the bytes, and keeps valid UTF-8 of unknown origin byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.option(fc.uuid(), { nil: undefined }), (array, client) => {
        const text = renderText(Buffer.from(array), client);
        assert.ok(Buffer.from(text.toString('utf8'), 'utf8').equals(text));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.string({ unit: codePoint }), (text) => assert.equal(rendered(text), text.toWellFormed())),
      { numRuns: 500 },
    );
  });
});
