import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { parseRss, parseStat } from '../bench/frame/proc.ts';

describe('/proc', () => {
  test('user and system ticks, whatever the name of the program holds', () => {
    const fields = '1 2 3 0 -1 4194304 100 0 0 0 731 269 5 6 20 0 11 0 4242';
    assert.deepEqual(parseStat(`77 (node) S ${fields}\n`), { user: 731, system: 269 });
    assert.deepEqual(parseStat(`77 (a) b) (c) S ${fields}\n`), { user: 731, system: 269 });
  });

  test('resident memory in bytes', () => {
    const text =
      '55e0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:               51200 kB\nPss:               100 kB\n';
    assert.equal(parseRss(text), 51_200 * 1024);
  });

  test('other texts are refused', () => {
    assert.throws(() => parseStat('cpu 1 2 3'), SyntaxError);
    assert.throws(() => parseStat('77 (node) S 1 2'), SyntaxError);
    assert.throws(() => parseRss('Pss: 100 kB\n'), SyntaxError);
  });
});
