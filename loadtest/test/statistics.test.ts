import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { summarise } from '../bench/frame/pairs.ts';
import { spreadOf } from '../bench/frame/statistics.ts';

const clean = { deliveries: 10, frames: 5, lost: 0, duplicated: 0, reordered: 0 };
const figure = { id: 'P0', what: 'a test', unit: 'µs', reach: 2 };

describe('statistics', () => {
  test('the median of an odd and of an even number of values, whatever their order', () => {
    assert.deepEqual(spreadOf([10, 9, 100]), { median: 10, min: 9, max: 100 });
    assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  });

  test('nothing, or what is no number, has no spread', () => {
    assert.throws(() => spreadOf([]), RangeError);
    assert.throws(() => spreadOf([1, Number.NaN]), RangeError);
  });

  test('the ratio is taken pair by pair, not between the medians', () => {
    const pair = (pharos: number, floor: number) => ({
      pharos: { value: pharos, checked: clean },
      floor: { value: floor, checked: clean },
    });
    const result = summarise(figure, [pair(2, 1), pair(30, 10), pair(8, 2)]);
    assert.deepEqual(result.ratio, { median: 3, min: 2, max: 4 });
    assert.equal(result.pharos.median, 8);
    assert.equal(result.checked.deliveries, 60);
    assert.deepEqual(result.publicationsPerFrame, { pharos: 2, floor: 2 });
    assert.equal(result.void, undefined);
  });

  test('a delivery that went wrong on either side makes the figure void', () => {
    for (const wrong of ['lost', 'duplicated', 'reordered'] as const) {
      const bad = { value: 1, checked: { ...clean, [wrong]: 3 } };
      const good = { value: 1, checked: clean };
      for (const pair of [
        { pharos: bad, floor: good },
        { pharos: good, floor: bad },
      ]) {
        assert.match(summarise(figure, [pair]).void ?? '', new RegExp(`3 ${wrong}`));
      }
    }
    const late = { value: 1, checked: clean, void: 'late' };
    assert.equal(summarise(figure, [{ pharos: late, floor: { value: 1, checked: clean } }]).void, 'late');
    const none = { value: 1, checked: { ...clean, deliveries: 0 } };
    assert.match(summarise(figure, [{ pharos: none, floor: none }]).void ?? '', /nothing was delivered/);
  });
});
