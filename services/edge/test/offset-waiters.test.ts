import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OffsetWaiters } from '../src/outbound/offset-waiters.ts';

const longMs = 60_000;

describe('those that wait for an offset', () => {
  test('are told when it is reached, in any order of what they wait for, and by nothing less', async () => {
    const waiters = new OffsetWaiters();
    const reached: number[] = [];
    const waits = [30, 10, 20, 20].map((offset) => waiters.wait(offset, longMs).then(() => reached.push(offset)));
    const after = async (offset: number): Promise<number[]> => {
      waiters.reached(offset);
      await new Promise((resolve) => setImmediate(resolve));
      return [...reached];
    };
    assert.deepEqual(await after(9), []);
    assert.deepEqual(await after(10), [10]);
    assert.deepEqual(await after(19), [10]);
    waits.push(waiters.wait(15, longMs).then(() => reached.push(15)));
    assert.deepEqual(await after(19), [10, 15]);
    assert.deepEqual(await after(25), [10, 15, 20, 20]);
    assert.deepEqual(await after(31), [10, 15, 20, 20, 30]);
    await Promise.all(waits);
  });

  test('wait no longer than they may, nor after the stop', async () => {
    const waiters = new OffsetWaiters();
    assert.equal(await waiters.wait(5, 1), false);
    const waiting = waiters.wait(5, longMs);
    waiters.stop();
    assert.equal(await waiting, false);
  });
});
