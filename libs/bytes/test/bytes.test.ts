import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import {
  ByteReader,
  ByteWriter,
  crc32c,
  isUtf8,
  javaStringHash,
  javaStringHashOfUtf8,
  MalformedBytes,
} from '../src/index.ts';
import { crc32cByTables } from '../src/crc32c.ts';

describe('ByteWriter and ByteReader', () => {
  test('what is written is read back', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ kind: fc.constant('varint' as const), value: fc.maxSafeNat() }),
            fc.record({ kind: fc.constant('varint64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
            fc.record({ kind: fc.constant('uint8' as const), value: fc.nat(0xff) }),
            fc.record({ kind: fc.constant('uint16' as const), value: fc.nat(0xffff) }),
            fc.record({ kind: fc.constant('uint32' as const), value: fc.nat(0xffffffff) }),
            fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
          ),
        ),
        (items) => {
          const writer = new ByteWriter(1);
          for (const item of items) {
            if (item.kind === 'varint') writer.varint(item.value);
            else if (item.kind === 'varint64') writer.varint64(item.value);
            else if (item.kind === 'text') writer.varint(Buffer.byteLength(item.value)).utf8(item.value);
            else writer[item.kind](item.value);
          }
          const reader = new ByteReader(writer.copy());
          for (const item of items) {
            if (item.kind === 'varint') assert.equal(reader.varintNumber(), item.value);
            else if (item.kind === 'varint64') assert.equal(reader.varint64(), item.value);
            else if (item.kind === 'text') assert.equal(reader.utf8(reader.varint32()), item.value);
            else assert.equal(reader[item.kind](), item.value);
          }
          assert.equal(reader.remaining, 0);
        },
      ),
    );
  });

  test('a negative 64-bit integer takes ten bytes and comes back by its two’s complement', () => {
    const bytes = new ByteWriter().varint64(-1n).copy();
    assert.equal(bytes.length, 10);
    assert.equal(BigInt.asIntN(64, new ByteReader(bytes).varint64()), -1n);
  });

  test('reading past the window fails, whatever lies behind it', () => {
    const bytes = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const reader = new ByteReader(bytes, 2, 5);
    assert.deepEqual([...reader.bytes(3)], [3, 4, 5]);
    for (const read of [
      () => reader.uint8(),
      () => reader.uint32(),
      () => reader.bytes(1),
      () => reader.skip(1),
      () => reader.varint32(),
    ]) {
      assert.throws(read, MalformedBytes);
    }
    assert.equal(reader.position, 5);
  });

  test('endless and oversized varints are refused', () => {
    const endless = new Uint8Array(11).fill(0xff);
    assert.throws(() => new ByteReader(endless).varint32(), /longer than 10 bytes/);
    assert.throws(() => new ByteReader(endless).varint64(), /longer than 10 bytes/);
    assert.throws(() => new ByteReader(new ByteWriter().varint64(2n ** 53n).copy()).varintNumber(), /above 2\^53/);
    assert.throws(() => new ByteWriter().varint(-1), RangeError);
    assert.throws(() => new ByteWriter().varint(2 ** 53), RangeError);
  });

  test('a writer that is reset starts over in the same storage', () => {
    const writer = new ByteWriter(8).utf8('0123456789');
    const storage = writer.buffer;
    writer.reset().uint32(0xdeadbeef);
    assert.equal(writer.buffer, storage);
    assert.deepEqual([...writer.view()], [0xde, 0xad, 0xbe, 0xef]);
    const hole = writer.reset().reserve(4);
    writer.uint8(9).uint32At(hole, 7);
    assert.deepEqual([...writer.view()], [0, 0, 0, 7, 9]);
  });
});

describe('crc32c', () => {
  test('gives the published check values (RFC 3720, B.4)', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  });

  test('is the same over any window and in any number of parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(20), (bytes, cut, shift) => {
        const at = Math.min(cut, bytes.length);
        const whole = crc32c(bytes);
        assert.equal(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at)), whole);
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        assert.equal(crc32c(shifted, shift), whole);
      }),
    );
  });

  test('is the same by tables and by the processor, at every length around which they change over', () => {
    const bytes = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * index * 31) >>> 3));
    for (let length = 200; length < 600; length++) {
      for (const [start, seed] of [
        [0, 0],
        [13, 0xffffffff],
        [2000, 0x1234567],
      ] as const) {
        const end = start + length;
        assert.equal(crc32c(bytes, start, end, seed), crc32cByTables(bytes, start, end, seed), `${start}, ${length}`);
      }
    }
  });
});

describe('javaStringHash', () => {
  test("is Java's String.hashCode with the sign bit cleared", () => {
    // 'polygenelubricants' is the known string whose hash code is the smallest integer.
    assert.equal(javaStringHash('polygenelubricants'), 0);
    assert.equal(javaStringHash('hello'), 99162322);
    assert.equal(javaStringHash(''), 0);
    assert.equal(javaStringHash('\u{1F600}'), (0xd83d * 31 + 0xde00) & 0x7fffffff);
  });

  test('hashes a string and its UTF-8 alike, in place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(9), (text, shift) => {
        const bytes = Buffer.concat([Buffer.alloc(shift, 0xc3), Buffer.from(text), Buffer.from('tail')]);
        assert.equal(
          javaStringHashOfUtf8(bytes, shift, bytes.length - 4),
          javaStringHash(Buffer.from(text).toString()),
        );
      }),
    );
  });
});

test('isUtf8 refuses what is not well-formed', () => {
  assert.equal(isUtf8(Buffer.from('grüße \u{1F600}')), true);
  assert.equal(isUtf8(Buffer.alloc(0)), true);
  for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
    assert.equal(isUtf8(Uint8Array.from(bad)), false);
  }
});
