import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type LaneId, RedisHistory } from '@pharos/history';
import { RedisClient } from '@pharos/redis';
import { eventually, type RedisServer, startRedis, unavailable } from '@pharos/testkit';
import { brief, briefly, limits, newLane, publication, recover, TestClock, write } from './conformance/harness.ts';
import { RedisRig } from './redis-rig.ts';

describe('the Redis history on its server', { skip: unavailable('redis'), timeout: 120_000 }, () => {
  const clock = new TestClock();
  let server: RedisServer;
  let redis: RedisRig;
  before(async () => {
    server = await startRedis();
    const address = { host: '127.0.0.1', port: server.port };
    redis = await RedisRig.open({ mode: 'standalone', address }, [server.port], () => server.stop());
  });
  after(() => redis.close());

  async function scripts(): Promise<number> {
    const stats = String(await redis.client.command('INFO', 'commandstats'));
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }

  async function laneWith(channels: readonly string[], data: Buffer): Promise<LaneId> {
    const lane = await newLane(redis.newStore({ now: clock.now }));
    const entries = channels.map((channel, index) => publication(clock, index + 1, channel, { data }));
    await write(redis.newStore({ now: clock.now }), lane, entries);
    return lane;
  }

  test('the keys of a lane share one tag, whatever log and channel are called, and all of them expire', async () => {
    await redis.flush();
    await laneWith(['}x', '{y}', 'z'], Buffer.from('d'));
    const keys = await redis.keys();
    assert.equal(keys.length, 6);
    const tags = keys.map((key) => /^[^{}]+:\{([0-9a-f]{32}:0)\}:/.exec(key)?.[1]);
    assert.equal(new Set(tags).size, 1, keys.join());
    assert.notEqual(tags[0], undefined);
    for (const key of keys) assert.ok(Number(await redis.client.command('PTTL', key)) > 0, key);
  });

  test('a stream that expired as a whole counts as trimmed, before and after the next publication', async () => {
    const history = redis.newStore({ now: clock.now });
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 5, 'a')], { previous: 0 });
    const [stream] = (await redis.keys()).filter((key) => key.endsWith(':stream:a'));
    // What Redis does when the time is up.
    await redis.client.command('DEL', stream ?? '');
    assert.deepEqual(await briefly(history, lane, 'a', 4), 'trimmed');
    assert.deepEqual(await briefly(history, lane, 'a', 5), []);
    const page = await history.history(lane, 'a', { limits });
    assert.deepEqual([page?.publications, page?.missingThrough, page?.top], [[], 5, 5]);
    await write(history, lane, [publication(clock, 6, 'a')]);
    assert.deepEqual(await briefly(history, lane, 'a', 4), 'trimmed');
    assert.deepEqual(await briefly(history, lane, 'a', 5), [6]);
  });

  test('10,000 quiet channels recovered at once: few scripts; 1,000 clients of one channel: one', async (t) => {
    const channels = Array.from({ length: 10_000 }, (_value, index) => `personal:#${index}`);
    const lane = await laneWith(channels, Buffer.alloc(128, 'x'));
    const history = redis.newStore({ now: clock.now });
    const before = await scripts();
    const start = performance.now();
    const answers = await Promise.all(channels.map((channel) => recover(history, lane, channel, 0)));
    t.diagnostic(`10,000 recoveries in ${Math.round(performance.now() - start)} ms`);
    answers.forEach((answer, index) => assert.deepEqual(brief(answer), [index + 1]));
    // 256 at a time, and the first of a turn may go alone.
    assert.ok((await scripts()) - before <= 41, `${(await scripts()) - before} scripts`);
    const between = await scripts();
    await Promise.all(Array.from({ length: 1_000 }, () => recover(history, lane, 'personal:#7', 0)));
    assert.equal((await scripts()) - between, 1);
  });

  test('a script stops when it has read enough, and the rest is asked again', async () => {
    const channels = Array.from({ length: 20 }, (_value, index) => `c${index}`);
    const lane = await laneWith(channels, Buffer.alloc(1_000));
    const history = redis.newStore({ now: clock.now, maxReplyBytes: 5_000 });
    const before = await scripts();
    const questions = channels.map((channel) => ({ channel, offset: 0, limits }));
    const answers = await history.recoverMany(lane, questions);
    assert.deepEqual(
      answers.map(brief),
      channels.map((_channel, index) => [index + 1]),
    );
    assert.equal((await scripts()) - before, 4);
  });

  test('a server that answers nothing: the deadline says so; afterwards all is as it was', async () => {
    const lane = await laneWith(['a'], Buffer.from('d'));
    const history = redis.newStore({ now: clock.now });
    const hasty = new RedisHistory(redis.client, { deadlineMs: 50 });
    server.pause();
    try {
      const questions = [{ channel: 'a', offset: 0, limits }];
      await assert.rejects(history.recoverMany(lane, questions, 50), { code: 'deadline', retryable: true });
      await assert.rejects(hasty.state(lane), { code: 'deadline' });
    } finally {
      server.resume();
    }
    assert.deepEqual(await briefly(history, lane, 'a', 0), [1]);
  });

  test('no memory left: nothing is written, reads go on, and it is written when there is', async () => {
    const lane = await laneWith(['a'], Buffer.from('d'));
    const history = redis.newStore({ now: clock.now });
    const batch = { previous: 1, watermark: 2, entries: [publication(clock, 2, 'a')] };
    await redis.client.command('CONFIG', 'SET', 'maxmemory', '1mb');
    await assert.rejects(history.append(lane, batch), { code: 'full', retryable: true });
    assert.deepEqual(await briefly(history, lane, 'a', 0), [1]);
    await redis.client.command('CONFIG', 'SET', 'maxmemory', '0');
    assert.equal((await history.append(lane, batch)).written, true);
    assert.deepEqual(await briefly(history, lane, 'a', 0), [1, 2]);
  });

  test('keys that others have written are no history', async () => {
    await redis.flush();
    const lane = await laneWith(['a'], Buffer.from('d'));
    const history = redis.newStore({ now: clock.now });
    const [stream] = (await redis.keys()).filter((key) => key.endsWith(':stream:a'));
    await redis.client.command('SET', stream ?? '', 'x');
    await assert.rejects(recover(history, lane, 'a', 0), { code: 'failed', retryable: false });
    await redis.flush();
  });

  test('options that make no sense are refused by name', () => {
    const make = (options: ConstructorParameters<typeof RedisHistory>[1]): (() => void) => {
      return () => new RedisHistory(redis.client, options);
    };
    assert.throws(make({ keyPrefix: 'a{b' }), { code: 'invalid', message: /prefix is 'a\{b'/ });
    assert.throws(make({ maxConcurrentScripts: 0 }), { code: 'invalid', message: /maxConcurrentScripts is 0/ });
  });

  test('Redis gone and back, empty: calls fail at once, then the lane is unknown', async () => {
    const lane = await laneWith(['a'], Buffer.from('d'));
    const address = { host: '127.0.0.1', port: server.port };
    const client = await RedisClient.open({ mode: 'standalone', address });
    try {
      const history = new RedisHistory(client);
      await server.kill();
      await assert.rejects(recover(history, lane, 'a', 0), { code: 'unavailable', retryable: true });
      const batch = { previous: 1, watermark: 1, entries: [] };
      await assert.rejects(history.append(lane, batch), { code: 'unavailable', retryable: true });
      await server.start();
      await eventually(() => (client.connected ? true : undefined), 'connection');
      assert.deepEqual(await briefly(history, lane, 'a', 0), 'no-lane');
    } finally {
      client.close();
    }
  });
});
