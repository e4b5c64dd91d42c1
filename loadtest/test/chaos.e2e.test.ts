// The short form of `npm run chaos`: every service killed under load, and the checker over what clients saw.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { unavailable } from '@pharos/testkit';

import { checkedRedisAway, checkedRedisFlushed } from '../bench/chaos/checked-redis.ts';
import { type Cluster, startCluster, verifyPresenceOf } from '../bench/chaos/cluster.ts';
import { frozen, killed, round, type RoundOptions } from '../bench/chaos/rounds.ts';
import { crowdOfMembers } from '../bench/chaos/scenarios/members.ts';
import { rollingRestart } from '../bench/chaos/scenarios/rolling.ts';
import { storm } from '../bench/chaos/scenarios/storm.ts';

const skip = unavailable('pulsar') || unavailable('redis');
const rounds = 2;
const clients = { sdkClients: 24, rawClients: 48 };
/** Shorter than by default, so that a test need not wait long for it to run out. */
const leaseMs = 5_000;

describe('a cluster of processes under faults', { skip, timeout: 600_000 }, () => {
  let cluster: Cluster;
  let diagnostic: (line: string) => void = () => undefined;

  before(async () => {
    cluster = await startCluster({ leaseMs, fleet: { channels: 8, perSecond: 20, ...clients } });
  });

  after(async () => {
    assert.deepEqual(await cluster.stop(), []);
  });

  const options = (times: Omit<RoundOptions, 'progress'>): RoundOptions => ({
    ...times,
    progress: (line) => diagnostic(line),
  });

  test('kill -9 of any one: each publication once, in order, from memory and from the store', async (context) => {
    diagnostic = (line) => context.diagnostic(line);
    const { rig, fleet } = cluster;
    for (let turn = 0; turn < rounds; turn++) {
      for (const node of rig.nodes) {
        await round(rig, fleet, killed(node), options({ calmMs: 500, faultMs: 1_000, awayMs: 2_500 }));
      }
    }
    const { recovered } = await fleet.settle();
    const { sdkClients, rawClients } = clients;
    // Whoever was on the edge that died, everybody from the second time on, and those that were away each time.
    assert.ok(
      recovered >= (2 * rounds - 1) * sdkClients + rounds * rig.nodes.length * (rawClients / 2),
      `${recovered}`,
    );
  });

  test('rolling restart of both edges: nothing lost, nothing twice, in order', async (context) => {
    diagnostic = (line) => context.diagnostic(line);
    const { fleet } = cluster;
    const before = await fleet.settle();
    await rollingRestart(cluster, { calmMs: 1_000, progress: diagnostic });
    const after = await fleet.settle();
    // Everybody had to go once at least.
    const resumes = after.recovered - before.recovered;
    assert.ok(resumes >= clients.sdkClients + clients.rawClients, `${resumes} resumes`);
    assert.equal(after.told, before.told);
  });

  test('Redis away: live messages and resumes from memory go on, what is older and presence are temporary', async (context) => {
    diagnostic = (line) => context.diagnostic(line);
    await checkedRedisAway(cluster, options({ calmMs: 500, faultMs: 8_000 }));
  });

  test('FLUSHALL: the epoch stays, history is what the log has, nothing is called recovered that is not', async (context) => {
    diagnostic = (line) => context.diagnostic(line);
    await checkedRedisFlushed(cluster, options({ calmMs: 1_000, faultMs: 1_000, awayMs: 3_000 }));
  });

  test('an edge that is stopped until it is taken for dead goes on where it was', async (context) => {
    diagnostic = (line) => context.diagnostic(line);
    const { rig, fleet } = cluster;
    const [edge] = rig.of('edge');
    assert.ok(edge !== undefined);
    await round(rig, fleet, frozen(edge), options({ calmMs: 1_000, faultMs: 3 * leaseMs }));
  });

  test('presence, all the while: joins matched by leaves, no ghost, nobody missing, nobody reaped who was there', async (context) => {
    const { presenceAnswers, clientsStoodStillMs } = await verifyPresenceOf(cluster);
    context.diagnostic(`${presenceAnswers} answers; clients stood still for ${clientsStoodStillMs} ms`);
  });
});

describe('everybody cut at once', { skip, timeout: 300_000 }, () => {
  for (const kind of ['busy', 'quiet'] as const) {
    test(`500 clients in ${kind} channels resume on another edge, all of them recovered`, async (context) => {
      const progress = (line: string): void => context.diagnostic(line);
      const figures = await storm({ rounds: 1, clients: 500, progress }, kind);
      assert.equal(figures['faultCount'], 0);
      assert.equal(figures['recovered'], 500);
      // From memory nobody asks Redis (leases and tidying are no resumes); from the store many are answered by one script.
      const scripts = Number(figures['redisScripts']);
      assert.ok(kind === 'busy' ? scripts < 50 : scripts > 0 && scripts < 250, JSON.stringify(figures));
    });
  }
});

describe('everybody in one channel', { skip, timeout: 300_000 }, () => {
  test('400 members over 4 edges, some of them seated: counts at any time, also after a kill -9, and no command of Redis for a member at rest', async (context) => {
    const progress = (line: string): void => context.diagnostic(line);
    const size = { leaseMs: 3_000, restMs: 3_000, questions: 10, socketsPerEdge: 60 };
    const figures = await crowdOfMembers({ rounds: 1, clients: 400, progress }, size);
    assert.equal(figures['edges'], 4);
    assert.equal(figures['bySocketPerEdge'], '60 60 60 60');
    assert.equal(figures['seatedPerEdge'], '40 40 40 40');
    assert.equal(figures['presenceOfAll'], '400');
    assert.equal(figures['killed'], 100);
    assert.equal(figures['killedSeated'], 40);
    // Leases of edges, and the looks of who watches them: with leases of members there would be a hundred times as many.
    assert.ok(Number(figures['redisCommandsAMinute']) < 2_000, JSON.stringify(figures));
  });
});
