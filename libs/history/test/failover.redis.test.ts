import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RedisHistory, type WriteOutcome } from '@pharos/history';
import { RedisClient } from '@pharos/redis';
import { eventually, startRedisSentinel, unavailable } from '@pharos/testkit';
import { briefly, newLane, publication, TestClock, write } from './conformance/harness.ts';

describe('the Redis history over a fail-over', { skip: unavailable('redis'), timeout: 120_000 }, () => {
  test('acknowledged writes that the new primary never got: the writer seeks back, and nobody is told wrong', async () => {
    const group = await startRedisSentinel();
    const sentinels = group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = await RedisClient.open({ mode: 'sentinel', sentinels, primaryName: group.primaryName });
    try {
      const clock = new TestClock();
      const history = new RedisHistory(client, { now: clock.now });
      const lane = await newLane(history);
      await write(history, lane, [publication(clock, 1, 'a'), publication(clock, 2, 'b')]);
      // On the connection that wrote it: what it wrote is with the replica.
      await eventually(
        async () => ((await client.command('WAIT', '1', 1_000)) === 1 ? true : undefined),
        'replication',
      );
      group.replica.pause();
      // Else what is written next waits in the replica's socket until it goes on.
      await client.command('CLIENT', 'KILL', 'TYPE', 'replica');
      await write(history, lane, [publication(clock, 3, 'a'), publication(clock, 4, 'b')]);
      await group.primary.kill();
      group.replica.resume();
      await group.promoted(group.replica);

      const next = { previous: 4, watermark: 5, entries: [publication(clock, 5, 'a')] };
      const refused = await eventually(() => history.append(lane, next), 'answer of the new primary');
      assert.deepEqual(refused satisfies WriteOutcome, { written: false, watermark: 2 });
      assert.deepEqual(await briefly(history, lane, 'a', 1), [], 'up to watermark 2, which it says');
      await write(
        history,
        lane,
        [3, 4, 5].map((offset) => publication(clock, offset, offset === 4 ? 'b' : 'a')),
      );
      assert.deepEqual(await briefly(history, lane, 'a', 0), [1, 3, 5]);
      assert.deepEqual(await briefly(history, lane, 'b', 0), [2, 4]);
    } finally {
      client.close();
      await group.stop();
    }
  });
});
