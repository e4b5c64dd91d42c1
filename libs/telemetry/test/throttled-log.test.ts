import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThrottledLog } from '../src/throttled-log.ts';

test('the first cause is written at once, further ones together, at most one line an interval', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines: number[] = [];
  const log = new ThrottledLog(10_000, (times) => lines.push(times));
  log.note();
  assert.deepEqual(lines, [1]);
  for (let index = 0; index < 5; index++) log.note();
  t.mock.timers.tick(9_999);
  assert.deepEqual(lines, [1]);
  t.mock.timers.tick(1);
  assert.deepEqual(lines, [1, 5]);
  log.note();
  assert.deepEqual(lines, [1, 5]);
  t.mock.timers.tick(10_000);
  assert.deepEqual(lines, [1, 5, 1]);
  // Quiet for an interval: the next one is news again.
  t.mock.timers.tick(10_000);
  log.note();
  assert.deepEqual(lines, [1, 5, 1, 1]);
  log.note();
  log.stop();
  assert.deepEqual(lines, [1, 5, 1, 1, 1]);
  log.stop();
  t.mock.timers.tick(100_000);
  assert.deepEqual(lines, [1, 5, 1, 1, 1]);
});
