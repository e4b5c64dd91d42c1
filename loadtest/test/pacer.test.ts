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
  // A timer counts whole milliseconds, and may fire a fraction of one early.
  for (const [index, [, atMs]] of sent.entries()) assert.ok(atMs > index - 1, `${index} went out at ${atMs} ms`);
});

test('a sender that takes longer than its interval is late, and still one turn apart', async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    ticking = setImmediate(count);
  };
  let ticking = setImmediate(count);
  const seen: number[] = [];
  const { late } = await pace({ from: 0, count: 10, perSecond: 100 }, () => {
    seen.push(turns);
    const untilMs = performance.now() + 20;
    while (performance.now() < untilMs);
  });
  clearImmediate(ticking);
  // 10 ms more behind with each: all but the first.
  assert.equal(late, 9);
  assert.equal(new Set(seen).size, 10);
});
