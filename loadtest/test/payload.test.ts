import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { payload, payloadMarker, sequenceAt } from '../bench/frame/payload.ts';

describe('payloads', () => {
  test('are JSON of the length asked for, with their number at a fixed place', () => {
    for (const sequence of [0, 7, 123_456, 9_999_999_999]) {
      const bytes = payload(sequence, 128);
      assert.equal(bytes.length, 128);
      assert.equal(Number((JSON.parse(bytes.toString()) as { seq: string }).seq), sequence);
      assert.equal(sequenceAt(bytes, bytes.indexOf(payloadMarker) + payloadMarker.length), sequence);
    }
  });

  test('other bytes hold no number', () => {
    assert.equal(sequenceAt(Buffer.from('12345x7890'), 0), -1);
    assert.equal(sequenceAt(Buffer.from('12345'), 0), -1);
    assert.throws(() => payload(1, 20), /at least/);
  });
});
