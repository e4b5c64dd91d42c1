import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { readOptions } from '../bench/options.ts';

const known = ['P1', 'P4'];

describe('options of the bench', () => {
  test('by default everything in five pairs; fewer where it is to be quick', () => {
    assert.deepEqual(readOptions([], known), { only: known, pairs: 5, quick: false, out: undefined, help: false });
    assert.equal(readOptions(['--quick'], known).pairs, 3);
    assert.equal(readOptions(['--quick', '--pairs', '7'], known).pairs, 7);
    assert.deepEqual(readOptions(['--only', 'P4, P1'], known).only, ['P4', 'P1']);
    assert.equal(readOptions(['--out', 'a.json'], known).out, 'a.json');
  });

  test('what is wrong is named', () => {
    assert.throws(() => readOptions(['--only', 'P9'], known), /no figure 'P9', only P1, P4/);
    for (const pairs of ['0', '1.5', 'many']) {
      assert.throws(() => readOptions(['--pairs', pairs], known), new RegExp(`--pairs must be .*'${pairs}'`));
    }
    assert.throws(() => readOptions(['--fast'], known), /--fast/);
  });
});
