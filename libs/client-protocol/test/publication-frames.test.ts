import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  base64Encoding,
  type ClientInfo,
  classifyPayload,
  encodeClientInfo,
  encodePush,
  encodeTags,
  encodingTag,
  PublicationFrameBuilder,
  publicationPrefix,
} from '@pharos/client-protocol';
import fc from 'fast-check';

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

interface WirePush {
  readonly push: {
    readonly channel: string;
    readonly pub: { readonly data: unknown; readonly offset?: number; readonly tags?: Record<string, string> };
  };
}

function linesOf(frame: Buffer): WirePush[] {
  return frame
    .toString('utf8')
    .split('\n')
    .map((line) => JSON.parse(line) as WirePush);
}

describe('PublicationFrameBuilder', () => {
  test('golden frames', () => {
    const frames = new PublicationFrameBuilder(1);
    frames.append(publicationPrefix({ channel: 'chat' }), Buffer.from('"hi"'), 0, 0);
    assert.equal(frames.view().toString(), '{"push":{"channel":"chat","pub":{"data":"hi"}}}');
    const info = encodeClientInfo({ user: '', client: 'u1' });
    frames.append(
      publicationPrefix({ channel: 'chat', id: 12 }),
      Buffer.from('{}'),
      1_000_000_000,
      1_700_000_000_123,
      info,
      encodeTags(new Map([['a', 'b']])),
    );
    assert.equal(
      frames.view().toString(),
      '{"push":{"channel":"chat","pub":{"data":"hi"}}}\n' +
        '{"push":{"id":12,"pub":{"data":{},"info":{"user":"","client":"u1"},"offset":1000000000,"tags":{"a":"b"},"time":1700000000123}}}',
    );
    assert.deepEqual([frames.count, frames.length], [2, frames.view().length]);
    assert.deepEqual([frames.reset().count, frames.length], [0, 0]);
    frames.append(publicationPrefix({ channel: '' }), Buffer.from('1'), 0, 0);
    assert.equal(frames.view().toString(), '{"push":{"pub":{"data":1}}}');
    assert.equal(encodeTags(new Map()), undefined);
  });

  test('builds what encodePush builds, whatever the values', () => {
    const text = fc.string({ unit: 'grapheme' });
    const integer = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(),
      fc.constantFrom(0, 9, 10, 999_999_999, 1_000_000_000, 1_000_000_001, Number.MAX_SAFE_INTEGER),
    );
    const info: fc.Arbitrary<ClientInfo | undefined> = fc.option(fc.record({ user: text, client: text }), {
      nil: undefined,
    });
    const tags = fc.array(fc.tuple(text, text), { maxLength: 3 }).map((entries) => new Map(entries));
    const frames = new PublicationFrameBuilder();
    fc.assert(
      fc.property(
        text,
        fc.jsonValue(),
        integer,
        integer,
        info,
        tags,
        (channel, value, offset, timeMs, publisher, map) => {
          const data = Buffer.from(JSON.stringify(value));
          const infoJson = publisher === undefined ? undefined : encodeClientInfo(publisher);
          frames.reset().append(publicationPrefix({ channel }), data, offset, timeMs, infoJson, encodeTags(map));
          const push = encodePush({
            kind: 'pub',
            channel,
            publication: { data, info: publisher, offset, tags: map, timeMs },
          });
          assert.equal(frames.view().toString('utf8'), push.toString('utf8'));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a payload is data, never protocol', () => {
  const forged = [
    'x}}\n{"push":{"channel":"other","pub":{"data":"forged"}}}',
    '"}}}\n{"push":{"disconnect":{"code":3503,"reason":"gone"}}}',
    '{"a":1}}}\n{"push":{"channel":"other","pub":{"data":1}}}',
    '1\n{"id":1,"error":{"code":100}}',
    '\\"}}}\r\n{}',
    '{}\n{}',
    '[1,\n2]',
    '\ufeff{}',
    '\u2028{}\u2029',
    '"\u0000"',
    '',
    '\n',
  ];

  test('forged text stays inside data, as it was', () => {
    const frames = new PublicationFrameBuilder();
    const prefix = publicationPrefix({ channel: 'chat' });
    for (const text of forged) frames.append(prefix, classifyPayload(Buffer.from(text)).json, 1, 0);
    const lines = linesOf(frames.view());
    assert.equal(lines.length, forged.length);
    for (const [index, line] of lines.entries()) {
      const text = forged[index] as string;
      const expected: unknown = text === '[1,\n2]' ? [1, 2] : text;
      assert.deepEqual(line, { push: { channel: 'chat', pub: { data: expected, offset: 1 } } });
    }
  });

  test('any bytes as payload, channel, tag and publisher give one line each, of this channel', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array)),
      fc.constantFrom(...forged).map((text) => Buffer.from(text)),
    );
    const text = fc.oneof(fc.string({ unit: codePoint }), fc.constantFrom(...forged));
    fc.assert(
      fc.property(
        fc.array(bytes, { minLength: 1, maxLength: 4 }),
        text,
        text,
        text,
        (payloads, channel, name, value) => {
          const frames = new PublicationFrameBuilder();
          const prefix = publicationPrefix({ channel: `#${channel}` });
          for (const payload of payloads) {
            const { kind, json } = classifyPayload(payload);
            const tags = new Map([[name, value]]);
            if (kind === 'binary') tags.set(encodingTag, base64Encoding);
            frames.append(prefix, json, 0, 0, encodeClientInfo({ user: name, client: value }), encodeTags(tags));
          }
          const lines = linesOf(frames.view());
          assert.equal(lines.length, payloads.length);
          for (const line of lines) {
            assert.deepEqual(Object.keys(line), ['push']);
            assert.deepEqual(Object.keys(line.push), ['channel', 'pub']);
            assert.equal(line.push.channel, `#${channel}`);
            assert.deepEqual(Object.keys(line.push.pub), ['data', 'info', 'tags']);
            assert.ok(Object.hasOwn(line.push.pub.tags ?? {}, name));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
