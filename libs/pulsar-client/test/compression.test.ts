import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import type { CompressionCodec } from '../src/compression/codec.ts';
import { compressionCodec, prepareCompression, uncompressed } from '../src/compression/compression.ts';
import { loadWasm, wasmCodec } from '../src/compression/zstd.ts';
import { PulsarError } from '../src/errors.ts';
import { compressionType } from '../src/wire/index.ts';
import { pulsarError } from './support/producers.ts';
import { fuzzRuns } from './support/runs.ts';

const maxBytes = 5 * 1024 * 1024;
const text = '{"room":"lobby","text":"hello hello hello hello hello","room2":"lobby"}';

const numbers = {
  LZ4: compressionType.lz4,
  Zlib: compressionType.zlib,
  ZSTD: compressionType.zstd,
  SNAPPY: compressionType.snappy,
} as const;
type Name = keyof typeof numbers;
const names = Object.keys(numbers) as Name[];

/** What the Java client 4.2.4 makes of the text, by its `CompressionCodecProvider`. */
const byJava: Readonly<Record<Name, string>> = {
  LZ4: 'ff0f7b22726f6f6d223a226c6f626279222c2274657874223a2268656c6c6f2006000421222c3600b032223a226c6f626279227d',
  // Flushed, and never ended.
  Zlib: '789caa562acacfcf55b252cac94f4aaa54d2512a49ad28017233527372f21570904065205d46706db500000000ffff',
  ZSTD: '28b52ffd244775010024027b22726f6f6d223a226c6f626279222c2274657874223a2268656c6c6f20222c327d03005a95c8eac2a62e4e144823ea',
  SNAPPY: '47747b22726f6f6d223a226c6f626279222c2274657874223a2268656c6c6f205a060004222c05362832223a226c6f626279227d',
};
/** From a stream, whose length wasn't known when its head was written. */
const zstdWithoutSize =
  '28b52ffd005875010024027b22726f6f6d223a226c6f626279222c2274657874223a2268656c6c6f20222c327d03005a95c8eac2a62e4e';

function codecOf(name: Name): CompressionCodec {
  return compressionCodec(numbers[name]) as CompressionCodec;
}

function read(name: Name, payload: Buffer, uncompressedSize: number): Buffer {
  const metadata = { producerName: 'p', sequenceId: 0, publishTime: 0, compression: numbers[name], uncompressedSize };
  return uncompressed(metadata, payload, maxBytes);
}

const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 500 }),
  fc.string({ maxLength: 50 }).chain((part) => fc.nat({ max: 500 }).map((times) => Buffer.from(part.repeat(times)))),
  fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 100_000 })).map(([byte, length]) => Buffer.alloc(length, byte)),
);

before(async () => {
  await prepareCompression();
  await loadWasm();
});

for (const name of names) {
  describe(`compression ${name}`, () => {
    test('reads what the Java client writes', () => {
      assert.equal(read(name, Buffer.from(byJava[name], 'hex'), text.length).toString(), text);
    });

    test('comes back whole, whatever it is', () => {
      const property = fc.property(payloads, (bytes) => {
        const payload = Buffer.from(bytes);
        assert.ok(read(name, codecOf(name).compress(payload), payload.length).equals(payload));
      });
      fc.assert(property, fuzzRuns(60));
    });

    test('makes less of what repeats itself', () => {
      assert.ok(codecOf(name).compress(Buffer.alloc(100_000, 'abc')).length < 6000);
    });

    test('damaged, says so or has the size that it should have', () => {
      const valid = codecOf(name).compress(Buffer.from(text));
      const damage = fc.record({
        at: fc.nat({ max: valid.length - 1 }),
        byte: fc.nat({ max: 255 }),
        cut: fc.boolean(),
      });
      const property = fc.property(damage, ({ at, byte, cut }) => {
        const damaged = Buffer.from(cut ? valid.subarray(0, at) : valid);
        if (!cut) damaged[at] = byte;
        assertContained(name, damaged, text.length);
      });
      fc.assert(property, fuzzRuns(200));
    });

    test('of random bytes, says so or has the size that it should have', () => {
      const property = fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 2000 }), (bytes, size) =>
        assertContained(name, Buffer.from(bytes), size),
      );
      fc.assert(property, fuzzRuns(200));
    });

    test('that becomes more or less than its entry says is refused', () => {
      const payload = codecOf(name).compress(Buffer.from(text));
      for (const size of [0, 1, text.length - 1, text.length + 1, 10 * text.length]) {
        assert.throws(() => read(name, payload, size), pulsarError('InvalidMessage'), `${size}`);
      }
    });

    test('that would become huge is refused before it does', () => {
      const bomb = codecOf(name).compress(Buffer.alloc(64 * 1024 * 1024));
      assert.throws(() => read(name, bomb, 64 * 1024 * 1024), /67108864 bytes, at most 5242880 are taken/);
      const before = process.memoryUsage();
      // It lies about its size.
      assert.throws(() => read(name, bomb, 1000), pulsarError('InvalidMessage'));
      const after = process.memoryUsage();
      const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers;
      assert.ok(grown < 16 * 1024 * 1024, `${grown} bytes more`);
    });
  });
}

function assertContained(name: Name, payload: Buffer, size: number): void {
  try {
    assert.equal(read(name, payload, size).length, size);
  } catch (error) {
    if (!(error instanceof PulsarError)) throw error;
    assert.equal(error.code, 'InvalidMessage');
  }
}

test('a small payload that claims to become large is refused by the ratio that its format allows', () => {
  const payload = Buffer.alloc(100);
  assert.throws(() => read('LZ4', payload, 25_501), /holds 25501 bytes, which 100 can not become/);
  assert.throws(() => read('SNAPPY', payload, 2201), /holds 2201 bytes, which 100 can not become/);
  assert.throws(() => read('Zlib', payload, 103_201), /holds 103201 bytes, which 100 can not become/);
});

test('a SNAPPY block that says that it holds more than its entry does is refused before its library makes room', () => {
  const block = Buffer.from('ffffffff0f' + '00', 'hex');
  assert.throws(() => codecOf('SNAPPY').uncompress(block, 3), /a block of 4294967295 bytes, 3 expected/);
});

test('a Zlib stream that was ended, as the C++ client ends it, is read like one that was only flushed', () => {
  const ended = deflateSync(text);
  assert.equal(read('Zlib', ended, text.length).toString(), text);
  const flushed = deflateSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  assert.equal(read('Zlib', flushed, text.length).toString(), text);
});

describe('ZSTD by WebAssembly, for a Node that has none of its own', () => {
  test('reads what the Java client writes, and frames that do not say their size', () => {
    for (const hex of [byJava.ZSTD, zstdWithoutSize]) {
      assert.equal(wasmCodec.uncompress(Buffer.from(hex, 'hex'), text.length).toString(), text);
    }
  });

  test('and what Node has, where it has, read each other', () => {
    const property = fc.property(payloads, (bytes) => {
      const payload = Buffer.from(bytes);
      assert.ok(read('ZSTD', wasmCodec.compress(payload), payload.length).equals(payload));
      assert.ok(wasmCodec.uncompress(codecOf('ZSTD').compress(payload), payload.length).equals(payload));
    });
    fc.assert(property, fuzzRuns(30));
  });

  test('makes no more than was asked for, whatever the frame says of itself', () => {
    const bomb = wasmCodec.compress(Buffer.alloc(1024 * 1024));
    assert.throws(() => wasmCodec.uncompress(bomb, 1000), /a frame of 1048576 bytes, 1000 expected/);
    assert.throws(() => wasmCodec.uncompress(Buffer.from(zstdWithoutSize, 'hex'), 10), /./);
  });

  const refused: readonly [what: string, hex: string][] = [
    ['nothing', ''],
    ['another magic number', '28b52ffe2000010000'],
    ['a skippable frame', '502a4d1804000000' + '00000000'],
    ['a head that ends early', '28b52ffde0010203'],
    ['a size of 2^63', '28b52ffde0' + '0000000000000080' + '010000'],
  ];
  for (const [what, hex] of refused) {
    test(`refuses ${what}`, () => {
      assert.throws(() => wasmCodec.uncompress(Buffer.from(hex, 'hex'), 1), RangeError);
    });
  }
});

test('a number that is no compression is refused by it, and 0 is none', () => {
  assert.throws(() => compressionCodec(9), /number 9 is not supported; LZ4, Zlib, ZSTD, SNAPPY are/);
  assert.throws(() => compressionCodec(-1), pulsarError('OperationNotSupported'));
  assert.equal(compressionCodec(0), undefined);
  assert.equal(compressionCodec(undefined), undefined);
});
