import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pace } from '../bench/frame/pacer.ts';

test('numbers go out in order, none before its time, and the rate holds over late timers', async () => {
  const sent: [number, number][] = [];
  const startMs = performance.now();
  await pace({ from: 40, count: 50, perSecond: 1_000 }, (sequence) => {
    sent.push([sequence, performance.now() - startMs]);
  });
  assert.deepEqual(
    sent.map(([sequence]) => sequence),
    Array.from({ length: 50 }, (_, index) => 40 + index),
  );
  for (const [index, [, atMs]] of sent.entries()) assert.ok(atMs >= index, `${index} went out at ${atMs} ms`);
});
