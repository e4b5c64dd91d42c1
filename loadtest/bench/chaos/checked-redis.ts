import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@pharos/testkit';

import type { HistoryReply } from '../clients/commands.ts';
import type { Cluster } from './cluster.ts';
import { type Fault, redisAway, redisFlushed, round, type RoundOptions } from './rounds.ts';

/** The protocol's error that says: try again. */
const temporary = 100;
/** How long clients miss publications. */
const missMs = 300;
const rebuildTimeoutMs = 60_000;

/**
 * Redis is killed under load and comes back with what it held. Meanwhile live messages and resumes from memory go on, presence and
 * history beyond memory say that they can't be had now; afterwards all is true again. @throws AssertionError
 */
export async function checkedRedisAway(cluster: Cluster, options: RoundOptions): Promise<void> {
  const { rig, fleet, watch } = cluster;
  const away = redisAway();
  let fromMs = 0;
  let toMs = 0;
  const fault: Fault = {
    name: away.name,
    begin: () => {
      fromMs = Date.now();
      return away.begin(rig);
    },
    end: async () => {
      await askWhileAway(cluster);
      await away.end(rig);
      toMs = Date.now();
    },
  };
  await round(rig, fleet, fault, options);
  watch.disturbed({ fromMs, toMs });
  await historyIsWhole(cluster);
}

async function askWhileAway({ rig, fleet, channels }: Cluster): Promise<void> {
  await fleet.raw.call('cutOff', { share: 0.25 });
  await delay(missMs);
  // What these clients missed stays in memory, however slow they are: nothing pushes it out.
  await fleet.hold();
  assert.equal((await fleet.raw.call('comeBack')).notRecovered, 0, 'resumes from memory while Redis is away');
  const [endpoint = ''] = rig.endpoints;
  const presence = await fleet.sdk.call('askPresence', { endpoint, channels });
  const history = await fleet.sdk.call('askHistory', { endpoint, channels });
  for (const reply of [...presence, ...history]) {
    assert.equal('code' in reply ? reply.code : 'an answer', temporary, JSON.stringify(reply).slice(0, 200));
  }
  await fleet.publish();
}

/** Redis loses everything under load: the epoch stays, history is rebuilt from the log, presence is written again. @throws AssertionError */
export async function checkedRedisFlushed(cluster: Cluster, options: RoundOptions): Promise<void> {
  const { rig, fleet, watch } = cluster;
  await historyIsWhole(cluster);
  const fromMs = Date.now() + options.calmMs;
  await round(rig, fleet, redisFlushed(), options);
  // A node notices when it renews its lease.
  watch.disturbed({ fromMs, toMs: fromMs + rig.leaseMs });
  await historyIsWhole(cluster);
}

/** Resolves when the history of every channel is what the log has, under the log's epoch. Nothing may be published meanwhile. */
export async function historyIsWhole({ rig, fleet, channels }: Cluster): Promise<void> {
  const log = await rig.readLog();
  const [endpoint = ''] = rig.endpoints;
  const expected = channels.flatMap((channel) => {
    const truth = log.get(channel);
    return truth === undefined ? [] : [{ channel, epoch: truth.epoch ?? '', entries: truth.entries }];
  });
  const asked = expected.map(({ channel }) => channel);
  let last: readonly HistoryReply[] = [];
  const isWhole = async (): Promise<true> => {
    last = await fleet.sdk.call('askHistory', { endpoint, channels: asked });
    for (const [index, reply] of last.entries()) {
      const { channel, epoch, entries } = expected[index] as (typeof expected)[number];
      assert.ok('entries' in reply, `history of ${channel} is refused with ${'code' in reply ? reply.code : ''}`);
      assert.equal(reply.epoch, epoch, channel);
      assert.equal(reply.entries.length, entries.length, `publications in the history of ${channel}`);
      assert.deepEqual(reply.entries, entries, channel);
    }
    return true;
  };
  await eventually(isWhole, 'history that is what the log has', rebuildTimeoutMs);
}
