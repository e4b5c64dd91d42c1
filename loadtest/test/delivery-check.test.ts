import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { addChecked, DeliveryCheck, nothing, subtractChecked, voidReason } from '../bench/frame/delivery-check.ts';

function checkOf(...connections: readonly (readonly number[])[]): DeliveryCheck {
  const check = new DeliveryCheck();
  for (const sequences of connections) {
    const connection = check.addConnection();
    for (const sequence of sequences) {
      check.frame();
      check.accept(connection, sequence);
    }
  }
  return check;
}

describe('the check of deliveries', () => {
  test('each number once and in order is clean', () => {
    const result = checkOf([0, 1, 2], [0, 1, 2]).result(3);
    assert.deepEqual(result, { deliveries: 6, frames: 6, lost: 0, duplicated: 0, reordered: 0 });
    assert.equal(voidReason(result), undefined);
  });

  test('a gap, an end too early and a silent connection are losses', () => {
    assert.equal(checkOf([0, 2]).result(3).lost, 1);
    assert.equal(checkOf([0, 1]).result(3).lost, 1);
    assert.equal(checkOf([0, 1, 2], []).result(3).lost, 3);
  });

  test('a repeat is a duplicate, also of what came late', () => {
    assert.deepEqual(checkOf([0, 0, 1]).result(2), { deliveries: 2, frames: 3, lost: 0, duplicated: 1, reordered: 0 });
    assert.deepEqual(checkOf([0, 2, 1, 1]).result(3), {
      deliveries: 3,
      frames: 4,
      lost: 0,
      duplicated: 1,
      reordered: 1,
    });
  });

  test('what comes after a later one is out of order and not lost', () => {
    assert.deepEqual(checkOf([1, 0]).result(2), { deliveries: 2, frames: 2, lost: 0, duplicated: 0, reordered: 1 });
  });

  test('a duplicate does not hide a loss', () => {
    const result = checkOf([0, 0], [0]).result(2);
    assert.deepEqual(result, { deliveries: 2, frames: 3, lost: 2, duplicated: 1, reordered: 0 });
    assert.equal(voidReason(result), '2 lost, 1 duplicated, 0 reordered');
  });

  test('windows add up to the whole', () => {
    const first = checkOf([0, 0, 2]).result(3);
    const whole = checkOf([0, 0, 2, 1, 3]).result(4);
    assert.deepEqual(addChecked(first, subtractChecked(whole, first)), whole);
    assert.deepEqual(addChecked(nothing, whole), whole);
  });

  test('whatever arrives, in whatever order: the counts agree with a plain count', () => {
    const published = 12;
    fc.assert(
      fc.property(fc.array(fc.nat(published - 1), { maxLength: 40 }), (sequences) => {
        const result = checkOf(sequences).result(published);
        const distinct = new Set(sequences);
        assert.equal(result.deliveries, distinct.size);
        assert.equal(result.lost, published - distinct.size);
        assert.equal(result.duplicated, sequences.length - distinct.size);
        const late = [...distinct].filter((sequence, place, all) => all.slice(0, place).some((one) => one > sequence));
        assert.equal(result.reordered, late.length);
      }),
    );
  });
});
