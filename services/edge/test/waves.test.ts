import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { inWaves } from '../src/drain/waves.ts';

/** Lets what waits for a promise go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function run(t: TestContext, count: number, durationMs: number, signal = new AbortController().signal) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const closed: number[] = [];
  const items = Array.from({ length: count }, (_, index) => index);
  const done = inWaves(items, durationMs, (item) => closed.push(item), signal);
  // The first goes at once.
  const waves = [closed.length];
  while (closed.length < count) {
    const before = closed.length;
    await settle();
    t.mock.timers.tick(100);
    await settle();
    waves.push(closed.length - before);
  }
  await done;
  return { closed, waves };
}

describe('closing in waves', () => {
  test('few are closed at once', async (t) => {
    const { closed, waves } = await run(t, 50, 25_000);
    assert.equal(closed.length, 50);
    assert.deepEqual(waves, [50]);
  });

  test('none end at once', async (t) => {
    assert.deepEqual((await run(t, 0, 25_000)).waves, [0]);
  });

  test('a small edge takes 500 a second, not its whole time', async (t) => {
    const { waves } = await run(t, 500, 25_000);
    assert.deepEqual(
      waves,
      Array.from({ length: 10 }, () => 50),
    );
  });

  test('a large one takes its time, evenly, each once and in order', async (t) => {
    const { closed, waves } = await run(t, 10_000, 2_000);
    assert.deepEqual(
      closed,
      Array.from({ length: 10_000 }, (_, index) => index),
    );
    assert.deepEqual(
      waves,
      Array.from({ length: 20 }, () => 500),
    );
  });

  test('no time at all: one wave', async (t) => {
    assert.deepEqual((await run(t, 1_000, 0)).waves, [1_000]);
  });

  test('the signal ends it between two waves', async (t) => {
    const controller = new AbortController();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const closed: number[] = [];
    const items = Array.from({ length: 200 }, (_, index) => index);
    const done = inWaves(items, 10_000, (item) => closed.push(item), controller.signal);
    await settle();
    assert.equal(closed.length, 50);
    controller.abort();
    await done;
    assert.equal(closed.length, 50);
    await inWaves(items, 10_000, () => assert.fail('closed after the end'), controller.signal);
  });
});
