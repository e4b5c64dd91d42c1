import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import { createDelta } from '@pharos/client-protocol';
import fc from 'fast-check';

type Apply = (source: Uint8Array, delta: Uint8Array) => Uint8Array;

/** The official SDK's own, which it keeps to itself. */
function sdkApplier(): Apply {
  const code = readFileSync(createRequire(import.meta.url).resolve('centrifuge'), 'utf8');
  const begin = code.indexOf('const zValue = [');
  const end = code.indexOf('/** @internal */\nclass JsonCodec');
  assert.ok(begin > 0 && end > begin);
  return vm.runInThisContext(`(() => { ${code.slice(begin, end)}; return applyDelta; })()`) as Apply;
}

const applyDelta = sdkApplier();

function check(source: Buffer, target: Buffer, isText = false): Buffer {
  const delta = createDelta(source, target, isText);
  assert.ok(
    Buffer.from(applyDelta(source, delta)).equals(target),
    `${source.toString('hex')} → ${target.toString('hex')}`,
  );
  return delta;
}

const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

/** Parts that are put together again and again, so that sources and targets have much in common. */
const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });
const plan = fc.array(fc.nat({ max: 5 }), { maxLength: 30 });
const build = (from: readonly (Uint8Array | string)[], order: readonly number[]): Buffer =>
  Buffer.concat(order.map((index) => Buffer.from((from[index % from.length] ?? '') as string)));

/** Texts with characters of one to four bytes whose bytes are partly the same. */
const text = fc.array(fc.constantFrom('a', 'é', 'è', '€', '₭', '😀', '😁', '"', '{"price":', ' '), { maxLength: 60 });

describe('createDelta', () => {
  test('golden: length, a copy, an insertion, the checksum', () => {
    const source = Buffer.from('{"symbol":"ABC","price":101.25}');
    const delta = check(source, Buffer.from('{"symbol":"ABC","price":101.75}'));
    assert.equal(delta.toString(), 'V\nS@0,3:75}wFMdZ;');
  });

  test('the SDK makes the target of source and delta, whatever the bytes', () => {
    fc.assert(
      fc.property(parts, plan, plan, (from, first, second) => {
        check(build(from, first), build(from, second));
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (source, target) => {
        check(Buffer.from(source), Buffer.from(target));
      }),
      { numRuns: 500 },
    );
  });

  test('of texts the delta is a text, and no character is cut', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), plan, plan, (from, first, second) => {
        const texts = from.map((each) => each.join(''));
        assert.ok(isUtf8(check(build(texts, first), build(texts, second), true)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is in common is copied', () => {
    const rows = Array.from(
      { length: 200 },
      (_, row) => `{"id":${row},"name":"name of ${row * 7}","at":${row * 1001}}`,
    );
    const source = Buffer.from(`[${rows.join()}]`);
    const changed = [...rows];
    changed[20] = '{"id":20,"name":"another","at":1}';
    changed.splice(100, 3);
    changed.push(...changed.splice(0, 10));
    const delta = check(source, Buffer.from(`[${changed.join()}]`), true);
    assert.ok(delta.length < source.length / 20, `${delta.length} of ${source.length}`);
    assert.ok(check(source, source).length < 20);
    assert.ok(check(Buffer.alloc(100_000), Buffer.alloc(99_000)).length < 30);
  });

  test('bytes that all look the same: who compared each block with each other would not come to an end', () => {
    const source = Buffer.from('ab'.repeat(50_000));
    const target = Buffer.from('ba'.repeat(40_000) + 'ab'.repeat(10_000));
    check(source, target);
  });

  test('nothing at either end', () => {
    for (const [source, target] of [
      ['', ''],
      ['', 'x'],
      ['x', ''],
      ['', 'long enough for a block of it'],
      ['long enough for a block of it', ''],
    ] as const) {
      check(Buffer.from(source), Buffer.from(target), true);
    }
  });
});
