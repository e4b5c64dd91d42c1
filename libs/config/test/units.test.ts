import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatBytes, formatDuration, formatListenAddress } from '../src/index.ts';
import { parseBytes, parseDuration, parseListenAddress } from '../src/units.ts';

describe('durations', () => {
  for (const [text, ms] of [
    ['0', 0],
    ['500ms', 500],
    ['25s', 25_000],
    ['1.5s', 1500],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    [' 3m ', 180_000],
  ] as const) {
    test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }
  for (const text of ['', '25', '-1s', '25 s', 's', '1w', '1e3s', '25S', '1s,2s', '9'.repeat(30) + 'd']) {
    test(`${JSON.stringify(text)} is refused`, () => assert.equal(parseDuration(text), undefined));
  }
  test('every whole number of milliseconds survives the way out and back', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 1000, 60_000), (count, unit) => {
        assert.equal(parseDuration(formatDuration(count * unit)), count * unit);
      }),
    );
  });
});

describe('sizes', () => {
  for (const [text, size] of [
    ['0', 0],
    ['512', 512],
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['10MB', 10_000_000],
    ['7 B', 7],
  ] as const) {
    test(`${text} is ${size} bytes`, () => assert.equal(parseBytes(text), size));
  }
  for (const text of ['', '-1', '1.5', '64K', 'MiB', '1TiB', '0x10']) {
    test(`${JSON.stringify(text)} is refused`, () => assert.equal(parseBytes(text), undefined));
  }
  test('every whole number of bytes survives the way out and back', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 1024, 1024 ** 2), (count, unit) => {
        assert.equal(parseBytes(formatBytes(count * unit)), count * unit);
      }),
    );
  });
});

describe('listen addresses', () => {
  for (const [text, host, port] of [
    ['127.0.0.1:9001', '127.0.0.1', 9001],
    ['localhost:0', 'localhost', 0],
    [':8080', '0.0.0.0', 8080],
    ['[::1]:443', '::1', 443],
  ] as const) {
    test(`${text} is ${host} and ${port}`, () => {
      assert.deepEqual(parseListenAddress(text), { host, port });
      assert.deepEqual(parseListenAddress(formatListenAddress({ host, port })), { host, port });
    });
  }
  for (const text of ['', '9001', 'localhost', 'host:', 'host:65536', '::1:80', 'http://x:80', 'a b:1']) {
    test(`${JSON.stringify(text)} is refused`, () => assert.equal(parseListenAddress(text), undefined));
  }
});
