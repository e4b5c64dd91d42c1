import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DeadlineExceeded, Deferred } from '@pharos/lifecycle';
import { Gate, GateFull } from '../src/outbound/gate.ts';

const soon = (): number => performance.now() + 60_000;

describe('a gate', () => {
  test('lets so many run, the next in the order in which they came, and refuses who finds too many waiting', async () => {
    const gate = new Gate('a test', { maxRunning: 2, maxWaiting: 2 });
    const ran: number[] = [];
    const ends = Array.from({ length: 4 }, () => new Deferred<void>());
    const runs = ends.map((end, at) =>
      gate.run(soon(), async () => {
        ran.push(at);
        await end.promise;
      }),
    );
    await assert.rejects(
      gate.run(soon(), () => Promise.resolve()),
      GateFull,
    );
    assert.deepEqual(ran, [0, 1]);
    ends[1]?.resolve();
    await runs[1];
    await nextTurn();
    assert.deepEqual(ran, [0, 1, 2]);
    for (const end of ends) end.resolve();
    await Promise.all(runs);
    assert.deepEqual(ran, [0, 1, 2, 3]);
  });

  test('gives the turn of one that failed, or gave up waiting, to the next', async () => {
    const gate = new Gate('a test', { maxRunning: 1, maxWaiting: 2 });
    const end = new Deferred<void>();
    const first = gate.run(soon(), () => end.promise);
    const late = gate.run(performance.now() + 5, () => Promise.resolve());
    await assert.rejects(late, DeadlineExceeded);
    const second = gate.run(soon(), () => Promise.resolve('second'));
    end.reject(new Error('as the test asked for'));
    await assert.rejects(first, /as the test asked for/);
    assert.equal(await second, 'second');
    assert.equal(await gate.run(soon(), () => Promise.resolve('third')), 'third');
  });
});
