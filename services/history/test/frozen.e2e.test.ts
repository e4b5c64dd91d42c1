import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Client, PulsarAdmin } from '@pharos/pulsar-client';
import { eventually, type RedisServer, sharedPulsar, type SharedPulsar, startRedis } from '@pharos/testkit';
import { unavailable, uniqueTopic } from '@pharos/testkit';

import { addressOf, type HistoryProcess, Load, look, startHistoryProcess } from './support/real.ts';
import { laneOf, untilWatermark, untilWritten } from './support/rig.ts';
import { mustHoldLog, readLog } from './support/truth.ts';

const lanes = 2;
const skip = unavailable('pulsar') || unavailable('redis');

describe('a history process that is stopped in the middle of its work, and goes on later', {
  skip,
  timeout: 600_000,
}, () => {
  let pulsar: SharedPulsar;
  let redis: RedisServer;
  const processes: HistoryProcess[] = [];

  before(async () => {
    pulsar = await sharedPulsar();
    redis = await startRedis();
  });
  after(async () => {
    await Promise.all(processes.map(({ process }) => process.stop()));
    await redis.stop();
  });

  const active = (history: HistoryProcess): Promise<number> => history.metric('pharos_history_lanes_active');

  test('writes nothing that another has written, brings nothing twice, and may take over again', async (t) => {
    const topic = uniqueTopic('history-frozen');
    const { log, store, close } = await look(pulsar, addressOf(redis), topic, lanes);
    t.after(close);
    const admin = new PulsarAdmin({ adminUrl: pulsar.adminUrl });
    const client = new Client({ serviceUrl: pulsar.serviceUrl });
    t.after(() => client.close());
    for (let each = 0; each < 2; each++) {
      processes.push(await startHistoryProcess({ pulsar, redisUrl: redis.url, topic, lanes }));
    }
    const load = new Load(log, { channels: 20, perSecond: 400 });
    load.start();
    // Without keys: each has to be brought to the lane of the log's default channel, those that lie there already don't.
    const home = log.laneOf(log.defaultChannel);
    const producer = await client.createProducer({
      topic: `${topic}-partition-${1 - home}`,
      batchingMaxPublishDelayMs: 1,
    });
    let sent = 0;
    const stop = { isOver: false };
    const sending = (async () => {
      while (!stop.isOver) {
        await Promise.all(Array.from({ length: 5 }, () => producer.send({ data: Buffer.from(`outside ${sent++}`) })));
      }
    })();
    for (let round = 0; round < 4; round++) {
      const [one, other] = processes as [HistoryProcess, HistoryProcess];
      const [frozen, awake] = (await active(one)) >= (await active(other)) ? [one, other] : [other, one];
      const written = await frozen.metric('pharos_history_batches_total');
      await eventually(
        async () => ((await frozen.metric('pharos_history_batches_total')) > written ? true : undefined),
        'it is at work',
      );
      process.kill(frozen.process.pid, 'SIGSTOP');
      try {
        // Whoever is first to subscribe again is active: the other can't.
        for (let lane = 0; lane < lanes; lane++) await admin.unload(`${topic}-partition-${lane}`);
        await eventually(async () => ((await active(awake)) === lanes ? true : undefined), 'all lanes with the other');
        for (let lane = 0; lane < lanes; lane++) {
          const { watermark = 0 } = (await store.state(laneOf(log, lane))) ?? {};
          await untilWatermark(store, laneOf(log, lane), watermark + 100);
        }
      } finally {
        process.kill(frozen.process.pid, 'SIGCONT');
      }
      const before = sent;
      await eventually(
        async () => ((await active(frozen)) + (await active(awake)) === lanes ? true : undefined),
        'each lane with one',
      );
      await eventually(() => (sent > before + 50 ? true : undefined), 'more from outside');
    }
    stop.isOver = true;
    await sending;
    await load.stop();
    assert.deepEqual(load.failures, []);
    const outside = async (): Promise<string[]> =>
      (await readLog(log)).flat().flatMap(({ text }) => (text.startsWith('outside ') ? [text] : []));
    await eventually(async () => ((await outside()).length >= sent ? true : undefined), 'all brought over');
    for (let lane = 0; lane < lanes; lane++) await untilWritten(log, store, lane);
    const all = await outside();
    assert.deepEqual([new Set(all).size, all.length], [sent, sent], 'each is there, and once');
    assert.equal(await mustHoldLog(log, store), load.published);
    for (let lane = 0; lane < lanes; lane++) assert.equal((await store.state(laneOf(log, lane)))?.floor, 0);
    t.diagnostic(`${load.published} by Pharos, ${sent} from outside, stopped 4 times`);
  });
});
