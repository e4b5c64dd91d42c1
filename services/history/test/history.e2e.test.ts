import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { Client, type Producer } from '@pharos/pulsar-client';
import {
  eventually,
  type RedisServer,
  sharedPulsar,
  type SharedPulsar,
  startRedis,
  startRedisSentinel,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { Redis } from 'ioredis';

import {
  addressOf,
  type HistoryEnvironment,
  type HistoryProcess,
  Load,
  look,
  startHistoryProcess,
} from './support/real.ts';
import { laneOf, untilWatermark, untilWritten } from './support/rig.ts';
import { mustHoldLog, readLog } from './support/truth.ts';

const skip = unavailable('pulsar') || unavailable('redis');
const lanes = 3;

/** Into whichever lane; every fifth has no key. */
async function sendFromOutside(producers: readonly Producer[], number: number): Promise<void> {
  await producers[number % producers.length]?.send({
    data: Buffer.from(`outside ${number}`),
    properties: { number: String(number) },
    ...(number % 5 === 0 ? {} : { partitionKey: `kept:out-${number % 7}` }),
  });
}

describe('history services on Pulsar and Redis', { skip, timeout: 600_000 }, () => {
  let pulsar: SharedPulsar;
  let redis: RedisServer;
  let processes: HistoryProcess[] = [];

  before(async () => {
    pulsar = await sharedPulsar();
    redis = await startRedis();
  });
  after(async () => redis.stop());

  const start = async (options: Omit<HistoryEnvironment, 'pulsar' | 'redisUrl'>): Promise<HistoryProcess> => {
    const started = await startHistoryProcess({ pulsar, redisUrl: redis.url, lanes, ...options });
    processes.push(started);
    return started;
  };
  const stopAll = async (): Promise<void> => {
    await Promise.all(processes.map(({ process }) => process.stop()));
    processes = [];
  };
  const metrics = async (name: string, label?: string): Promise<number> => {
    const alive = processes.filter(({ process }) => process.status === undefined);
    return (await Promise.all(alive.map((each) => each.metric(name, label)))).reduce((sum, value) => sum + value, 0);
  };

  test('kill -9 of the one that is active, ten rounds under load: the store equals the log', async (t) => {
    const topic = uniqueTopic('history-kill');
    const { log, store, close } = await look(pulsar, addressOf(redis), topic, lanes);
    t.after(close);
    t.after(stopAll);
    let pair = [await start({ topic }), await start({ topic })];
    const load = new Load(log, { channels: 40, perSecond: 800 });
    load.start();
    for (let round = 0; round < 10; round++) {
      // Each has some of the lanes by turns; the one that has most dies.
      const active = await Promise.all(pair.map((each) => each.metric('pharos_history_lanes_active')));
      const [dying, other] = (active[0] ?? 0) >= (active[1] ?? 0) ? [pair[0], pair[1]] : [pair[1], pair[0]];
      assert.ok(dying !== undefined && other !== undefined);
      await dying.process.kill();
      await eventually(
        async () => ((await other.metric('pharos_history_lanes_active')) === lanes ? true : undefined),
        'all lanes with the other',
      );
      const before = await store.state(laneOf(log));
      await untilWatermark(store, laneOf(log), (before?.watermark ?? 0) + 50);
      pair = [other, await start({ topic })];
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    assert.equal(await mustHoldLog(log, store), load.published);
    for (let lane = 0; lane < lanes; lane++) assert.equal((await store.state(laneOf(log, lane)))?.floor, 0);
    t.diagnostic(`${load.published} publications, ten kills`);
  });

  test('FLUSHALL under load: the same epoch, built anew from the log, and nobody told what is not so', async (t) => {
    const topic = uniqueTopic('history-flush');
    const { log, store, bus, close } = await look(pulsar, addressOf(redis), topic, lanes);
    t.after(close);
    t.after(stopAll);
    await start({ topic });
    await start({ topic });
    const control = new Redis({ port: redis.port });
    t.after(() => control.disconnect());
    const load = new Load(log, { channels: 30, perSecond: 500 });
    load.start();
    const limits = { size: 1_000_000, ttlMs: 86_400_000 };
    const said: { lane: number; channel: string; offset: number; through: number; got: number[] }[] = [];
    const asking = { over: false };
    const asker = (async () => {
      while (!asking.over) {
        for (let i = 0; i < 30; i += 7) {
          const channel = `kept:${i}`;
          const lane = log.laneOf(channel);
          const offset = Math.max(
            0,
            ((await store.state(laneOf(log, lane)).catch(() => undefined))?.watermark ?? 0) - 60,
          );
          const answers = await store.recoverMany(laneOf(log, lane), [{ channel, offset, limits }]).catch(() => []);
          const [answer] = answers;
          if (answer?.recovered !== true) continue;
          said.push({
            lane,
            channel,
            offset,
            through: answer.watermark,
            got: answer.publications.map((each) => each.offset),
          });
        }
        await delay(20);
      }
    })();
    const published = async (count: number): Promise<void> => {
      const from = load.published;
      await eventually(() => (load.published >= from + count ? true : undefined), `${count} more`);
    };
    for (let round = 0; round < 3; round++) {
      await published(700);
      await control.flushall();
    }
    await published(300);
    await load.stop();
    asking.over = true;
    await asker;
    assert.deepEqual(load.failures, []);
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    assert.equal(await mustHoldLog(log, store), load.published);
    assert.equal((await bus.openLog({ topic })).epoch, log.epoch);
    assert.ok((await metrics('pharos_history_rebuilds_total')) >= 2 * lanes);
    // What it said under way, held against the log.
    const truth = await readLog(log);
    for (const { lane, channel, offset, through, got } of said) {
      const expected = (truth[lane] ?? [])
        .filter((each) => each.channel === channel && each.offset > offset && each.offset <= through)
        .map((each) => each.offset);
      assert.deepEqual(got, expected, `${channel} after ${offset} through ${through}`);
    }
    assert.ok(said.length > 50, `${said.length} recoveries`);
    t.diagnostic(`${load.published} publications, ${said.length} recoveries`);
  });

  test('Redis gone for a while: it stays up, ready, and catches up', async (t) => {
    const topic = uniqueTopic('history-away');
    const own = await startRedis();
    t.after(() => own.stop());
    const { log, store, close } = await look(pulsar, addressOf(own), topic, lanes);
    t.after(close);
    t.after(stopAll);
    const one = await startHistoryProcess({ pulsar, redisUrl: own.url, topic, lanes });
    processes.push(one);
    const load = new Load(log, { channels: 20, perSecond: 500 });
    load.start();
    await untilWatermark(store, laneOf(log), 50);
    own.pause();
    await eventually(
      async () => ((await one.metric('pharos_history_store_errors_total')) > 0 ? true : undefined),
      'errors',
    );
    assert.ok((await one.metric('pharos_history_lag_messages')) > 0);
    assert.equal((await one.get('/health/ready')).status, 200);
    own.resume();
    await eventually(
      async () => ((await one.metric('pharos_history_lag_seconds')) < 1 ? true : undefined),
      'caught up',
    );
    // With all that it held, by a restart.
    await own.restart();
    const from = load.published;
    await eventually(() => (load.published > from + 500 ? true : undefined), 'more');
    await load.stop();
    assert.deepEqual(load.failures, []);
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    assert.equal(await mustHoldLog(log, store), load.published);
    assert.equal((await one.get('/health/live')).status, 200);
  });

  test('started before Redis, it waits and then begins; SIGTERM hands over without a second reading', async (t) => {
    const topic = uniqueTopic('history-first');
    const own = await startRedis();
    t.after(() => own.stop());
    await own.kill();
    const { log, store, close } = await look(pulsar, addressOf(own), topic, lanes);
    t.after(close);
    t.after(stopAll);
    const one = await startHistoryProcess({ pulsar, redisUrl: own.url, topic, lanes });
    processes.push(one);
    assert.equal((await one.get('/health/ready')).status, 200);
    const load = new Load(log, { channels: 20, perSecond: 500 });
    load.start();
    await eventually(() => (load.published > 200 ? true : undefined), 'load');
    await own.start();
    await untilWatermark(store, laneOf(log), 50);
    const two = await startHistoryProcess({ pulsar, redisUrl: own.url, topic, lanes });
    processes.push(two);
    const { code } = await one.process.stop(20_000);
    assert.equal(code, 0);
    await eventually(
      async () => ((await two.metric('pharos_history_lanes_active')) === lanes ? true : undefined),
      'handed over',
    );
    await load.stop();
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    assert.equal(await mustHoldLog(log, store), load.published);
    assert.equal(await two.metric('pharos_history_rebuilds_total'), 0);
    assert.equal(await two.metric('pharos_history_batches_total', 'refused'), 0);
  });

  test('kill -9 while misplaced messages are brought to their lanes: each is there once, and kept', async (t) => {
    const topic = uniqueTopic('history-misplaced');
    const { log, store, close } = await look(pulsar, addressOf(redis), topic, lanes);
    t.after(close);
    t.after(stopAll);
    let pair = [await start({ topic }), await start({ topic })];
    const client = new Client({ serviceUrl: pulsar.serviceUrl });
    t.after(() => client.close());
    // A producer that knows nothing of Java's hash: keys go anywhere, and some messages have none.
    const producers = await Promise.all(
      Array.from({ length: lanes }, (_v, lane) =>
        client.createProducer({ topic: `${topic}-partition-${lane}`, batchingMaxPublishDelayMs: 1 }),
      ),
    );
    const load = new Load(log, { channels: 10, perSecond: 200 });
    load.start();
    let sent = 0;
    const stop = { sending: false };
    const sending = (async () => {
      while (!stop.sending) {
        const batch = Array.from({ length: 6 }, () => sent++);
        await Promise.all(batch.map((number) => sendFromOutside(producers, number)));
        await delay(10);
      }
    })();
    for (let round = 0; round < 6; round++) {
      const from = sent;
      await eventually(() => (sent > from + 200 ? true : undefined), 'more from outside');
      const dying = pair[round % 2] as HistoryProcess;
      await dying.process.kill();
      pair = pair.map((each) => (each === dying ? undefined : each)) as HistoryProcess[];
      pair[round % 2] = await start({ topic });
    }
    stop.sending = true;
    await sending;
    await load.stop();
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    // Those that were brought over last come after what the lane had then.
    const outside = async (): Promise<string[]> =>
      (await readLog(log)).flat().flatMap(({ text }) => (text.startsWith('outside ') ? [text] : []));
    await eventually(async () => ((await outside()).length >= sent ? true : undefined), 'all brought over');
    const all = await outside();
    assert.equal(new Set(all).size, sent, 'none is missing');
    assert.equal(all.length, sent, 'none is there twice');
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    await mustHoldLog(log, store);
    assert.ok((await metrics('pharos_history_rerouted_total')) > 0);
    t.diagnostic(`${sent} from outside, ${load.published} by Pharos`);
  });

  test('a Sentinel fail-over under load that loses acknowledged writes', async (t) => {
    const topic = uniqueTopic('history-sentinel');
    const group = await startRedisSentinel();
    t.after(() => group.stop());
    const sentinels = group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const options = { mode: 'sentinel', sentinels, primaryName: group.primaryName } as const;
    const { log, store, close } = await look(pulsar, options, topic, lanes);
    t.after(close);
    t.after(stopAll);
    const env = { PHAROS_REDIS_MODE: 'sentinel', PHAROS_REDIS_SENTINEL_MASTER_NAME: group.primaryName };
    const redisUrl = `redis://${sentinels.map(({ host, port }) => `${host}:${port}`).join()}`;
    const one = await startHistoryProcess({ pulsar, redisUrl, topic, lanes, env });
    processes.push(one);
    const load = new Load(log, { channels: 20, perSecond: 500 });
    load.start();
    await untilWatermark(store, laneOf(log), 100);
    // What is written from here on, the replica never gets.
    group.replica.pause();
    const control = new Redis({ port: group.primary.port });
    await control.call('CLIENT', 'KILL', 'TYPE', 'replica');
    control.disconnect();
    const before = (await store.state(laneOf(log)))?.watermark ?? 0;
    await untilWatermark(store, laneOf(log), before + 100);
    await group.primary.kill();
    group.replica.resume();
    await group.promoted(group.replica);
    const from = load.published;
    await eventually(() => (load.published > from + 500 ? true : undefined), 'more');
    await load.stop();
    assert.deepEqual(load.failures, []);
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    assert.equal(await mustHoldLog(log, store), load.published);
    assert.equal(await one.metric('pharos_history_rebuilds_total'), lanes, 'at the very beginning only');
  });
});
