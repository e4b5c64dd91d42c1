import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BoundedList } from '../../page/src/bounded-list.ts';

function contents(list: BoundedList<string>): string[] {
  return Array.from({ length: list.length }, (_, index) => list.at(list.firstSeq + index) ?? assert.fail('hole'));
}

describe('BoundedList', () => {
  test('keeps the newest and their numbers', () => {
    const list = new BoundedList<string>({ maxItems: 3, maxWeight: 100, weigh: (item) => item.length });
    for (const item of ['a', 'b', 'c', 'd', 'e']) list.push(item);
    assert.deepEqual([list.firstSeq, list.nextSeq, contents(list)], [2, 5, ['c', 'd', 'e']]);
    assert.equal(list.at(1), undefined);
    assert.equal(list.at(5), undefined);
  });

  test('keeps a single item that outweighs the bound', () => {
    const list = new BoundedList<string>({ maxItems: 3, maxWeight: 4, weigh: (item) => item.length });
    list.push('ab');
    list.push('much too long');
    assert.deepEqual(contents(list), ['much too long']);
    list.push('ab');
    assert.deepEqual(contents(list), ['ab']);
  });

  test('refuses a bound that is no count', () => {
    for (const maxItems of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => new BoundedList({ maxItems, maxWeight: 1, weigh: () => 1 }), /at least 1/);
    }
  });

  test('holds what a plain array would hold, for any sequence', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.string({ maxLength: 9 }), { maxLength: 60 }),
        (maxItems, maxWeight, items) => {
          const list = new BoundedList<string>({ maxItems, maxWeight, weigh: (item) => item.length });
          let model: string[] = [];
          for (const item of items) {
            list.push(item);
            model = [...model, item].slice(-maxItems);
            while (model.length > 1 && model.join('').length > maxWeight) model = model.slice(1);
            assert.deepEqual(contents(list), model);
          }
          assert.equal(list.nextSeq, items.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
