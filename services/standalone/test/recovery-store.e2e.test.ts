import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  eventually,
  freePort,
  type RedisServer,
  type ServiceProcess,
  sharedPulsar,
  startRedis,
  startRedisCluster,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import { type Environment, pharos, type PulsarAddress } from './support/processes.ts';
import { Resuming, tellRedis } from './support/resuming.ts';

const filler = 'x'.repeat(20_000);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const timeout = 600_000;
const open = {
  allow_subscribe_for_anonymous: true,
  allow_publish_for_anonymous: true,
  allow_recovery: true,
  allow_history_for_anonymous: true,
};

/** Edges with a ring that a few publications fill, and the service that fills their store. */
async function startFleet(
  pulsar: PulsarAddress,
  redis: Environment,
  edges: number,
): Promise<{ edges: EdgeProcess[]; history: ServiceProcess; stop: () => Promise<void> }> {
  const topic = uniqueTopic('recovery-store');
  const channels = {
    PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: topic,
    PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '100000',
    PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
    PHAROS_CHANNEL_NAMESPACES: JSON.stringify([
      { name: 'replay', log: topic, history_size: 5, history_ttl: '1h', replay: true, ...open },
      { name: 'newest', log: topic, history_size: 5, history_ttl: '1h', force_recovery_mode: 'cache', ...open },
    ]),
  };
  const where = { PHAROS_PULSAR_URL: pulsar.serviceUrl, PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl, ...redis };
  const internal = { PHAROS_INTERNAL_LISTEN: `127.0.0.1:${await freePort()}` };
  const env = {
    ...channels,
    ...redis,
    PHAROS_RING_MAX_LANE_SIZE: '64KiB',
    PHAROS_CLIENT_RECOVERY_MAX_PUBLICATION_LIMIT: '100000',
    PHAROS_CLIENT_QUEUE_MAX_SIZE: '8MiB',
  };
  const [history, ...started] = await Promise.all([
    pharos(['serve', 'history'], { ...channels, ...where, ...internal }),
    ...Array.from({ length: edges }, (_, at) =>
      startEdge({ pulsar, topic, env: { ...env, PHAROS_NAME: `edge-${at}` } }),
    ),
  ]);
  const stop = async (): Promise<void> => {
    await Promise.all([history.stop(), ...started.map((edge) => edge.stop())]);
  };
  return { edges: started, history, stop };
}

/** Pushes all that the edges' rings have out of them. */
async function evict(edges: readonly EdgeProcess[], redisUsers: Resuming[]): Promise<void> {
  const witnesses = edges.map((edge) => new Resuming(edge, 'filler'));
  redisUsers.push(...witnesses);
  await Promise.all(witnesses.map((witness, at) => witness.to(edges[at] as EdgeProcess)));
  for (let number = 1; number <= 8; number++) await witnesses[0]?.publish(filler);
  await witnesses[0]?.publish(1);
  await Promise.all(witnesses.map(({ received }) => received.waitForCount(1)));
  for (const witness of witnesses) witness.leave();
}

describe('recovery from the store, with real services', {
  skip: unavailable('pulsar') || unavailable('redis'),
  timeout,
}, () => {
  let pulsar: PulsarAddress;
  let redis: RedisServer;
  let fleet: Awaited<ReturnType<typeof startFleet>>;
  const clients: Resuming[] = [];

  before(async () => {
    [pulsar, redis] = await Promise.all([sharedPulsar(), startRedis()]);
    fleet = await startFleet(pulsar, { PHAROS_REDIS_URL: redis.url }, 2);
  });

  after(async () => {
    for (const client of clients) client.leave();
    await fleet.stop();
    await redis.stop();
  });

  /** A subscriber of the channel on the first edge, and who publishes into it from the second. */
  async function meet(
    channel: string,
  ): Promise<{ member: Resuming; publisher: Resuming; publish: (from: number, to: number) => Promise<void> }> {
    const [one, two] = fleet.edges as [EdgeProcess, EdgeProcess];
    const [member, publisher] = [new Resuming(one, channel), new Resuming(two, channel)];
    clients.push(member, publisher);
    await Promise.all([member.to(one), publisher.to(two)]);
    const publish = async (from: number, to: number): Promise<void> => {
      await Promise.all(numbers(from, to).map((number) => publisher.publish(number)));
      await publisher.received.waitForCount(to);
    };
    return { member, publisher, publish };
  }

  test('what is older than the ring comes from the store, on another edge, all of it, once, in order', async () => {
    const { member, publisher, publish } = await meet('old');
    await publish(1, 5);
    await member.received.waitForCount(5);
    member.leave();
    await publish(6, 60);
    await evict(fleet.edges, clients);
    await publish(61, 70);
    const { wasRecovering, recovered } = await member.to(fleet.edges[1] as EdgeProcess);
    assert.deepEqual([wasRecovering, recovered], [true, true]);
    await publish(71, 75);
    await member.received.waitForCount(75);
    assert.deepEqual(member.received.items, publisher.received.items);
    assert.deepEqual(
      [...member.received.items].sort((a, b) => a - b),
      numbers(1, 75),
    );
    const { body } = await (fleet.edges[1] as EdgeProcess).internal('/metrics');
    assert.match(body, /pharos_edge_recovered_total\{tier="store"\} [1-9]/);
  });

  test('an old position after FLUSHALL is recovered in truth, once the store is filled again, or put off until then', async () => {
    const { member, publisher, publish } = await meet('flushed');
    await publish(1, 20);
    await member.received.waitForCount(20);
    member.leave();
    await publish(21, 40);
    await evict(fleet.edges, clients);
    assert.equal(await tellRedis(redis.port, 'FLUSHALL'), '+OK');
    const { recovered } = await member.to(fleet.edges[0] as EdgeProcess);
    assert.equal(recovered, true);
    await member.received.waitForCount(40);
    assert.deepEqual(member.received.items, publisher.received.items);
    assert.ok(member.errors.items.every((code) => code === 100));
  });

  test('while Redis is gone the ring recovers, older positions are put off, and come when it is back', async () => {
    const [near, far] = [await meet('near'), await meet('far')];
    await Promise.all([near.publish(1, 5), far.publish(1, 5)]);
    await Promise.all([near.member.received.waitForCount(5), far.member.received.waitForCount(5)]);
    far.member.leave();
    await far.publish(6, 30);
    await evict(fleet.edges, clients);
    // Its position is that of the last publication it saw, and the ring has that.
    await near.publish(6, 7);
    await near.member.received.waitForCount(7);
    near.member.leave();
    redis.pause();
    try {
      await near.publish(8, 10);
      assert.equal((await near.member.to(fleet.edges[0] as EdgeProcess)).recovered, true);
      await near.member.received.waitForCount(10);
      far.member.go(fleet.edges[0] as EdgeProcess);
      await far.member.errors.waitForCount(1);
      assert.equal(far.member.subscribed.items.length, 1);
    } finally {
      redis.resume();
    }
    await far.member.subscribed.waitForCount(2, 60_000);
    assert.equal(far.member.subscribed.items[1]?.recovered, true);
    await far.member.received.waitForCount(30);
    assert.deepEqual(far.member.received.items, far.publisher.received.items);
    assert.ok(far.member.errors.items.every((code) => code === 100));
  });

  test('who comes from an edge that was ahead waits for its new one, and misses nothing', async () => {
    const [one, two] = fleet.edges as [EdgeProcess, EdgeProcess];
    const [member, publisher] = [new Resuming(one, 'ahead'), new Resuming(one, 'ahead')];
    clients.push(member, publisher);
    await Promise.all([member.to(one), publisher.to(one)]);
    for (let turn = 0; turn < 3; turn++) {
      const from = turn * 400 + 1;
      two.process.pause();
      try {
        // A hundred of these are more than the frozen edge reads in one turn when it is back.
        await Promise.all(numbers(from, from + 199).map((number) => publisher.publish(number)));
        for (let number = 1; number <= 100; number++) await publisher.publish(filler);
        await Promise.all(numbers(from + 200, from + 399).map((number) => publisher.publish(number)));
        await member.received.waitForCount(from + 399);
        member.leave();
        member.go(two);
      } finally {
        two.process.resume();
      }
      await member.subscribed.waitForCount(2 * turn + 2, 60_000);
      assert.equal(member.subscribed.items.at(-1)?.recovered, true);
      member.leave();
      await member.to(one);
    }
    await publisher.received.waitForCount(1_200);
    assert.deepEqual(member.received.items, publisher.received.items);
  });

  test('who joins and resumes in the middle of packed ticks misses nothing and has nothing twice', async () => {
    const { publisher } = await meet('packed');
    const members = fleet.edges.flatMap((edge) => Array.from({ length: 10 }, () => new Resuming(edge, 'packed')));
    clients.push(...members);
    const total = 6_000;
    const flood = (async () => {
      for (let from = 1; from <= total; from += 50) {
        await Promise.all(numbers(from, from + 49).map((number) => publisher.publish(number)));
      }
    })();
    const roam = async (member: Resuming, at: number): Promise<void> => {
      const edgeAt = (turn: number): EdgeProcess => fleet.edges[(at + turn) % 2] as EdgeProcess;
      for (let turn = 0; turn < 5; turn++) {
        const { recovered } = await member.to(edgeAt(turn));
        if (turn > 0) assert.equal(recovered, true);
        await member.received.waitForCount(member.received.items.length + 20 + at);
        member.leave();
      }
      await member.to(edgeAt(5));
    };
    await Promise.all(members.map(roam));
    await flood;
    await publisher.received.waitForCount(total);
    const order = publisher.received.items;
    const last = order.at(-1);
    for (const { received } of members) {
      await eventually(() => (received.items.at(-1) === last ? true : undefined), 'the last publication');
      assert.deepEqual(received.items, order.slice(-received.items.length));
    }
  });

  test('in recovery mode cache who is back gets the newest publication alone, from memory and from the store', async () => {
    const { member, publisher, publish } = await meet('newest:one');
    await publish(1, 3);
    await member.received.waitForCount(3);
    member.leave();
    // More than is kept: all that was missed could not be had.
    await publish(4, 12);
    assert.equal((await member.to(fleet.edges[1] as EdgeProcess)).recovered, true);
    await member.received.waitForCount(4);
    member.leave();
    await publish(13, 21);
    await evict(fleet.edges, clients);
    assert.equal((await member.to(fleet.edges[0] as EdgeProcess)).recovered, true);
    await publish(22, 22);
    await member.received.waitForCount(6);
    const order = publisher.received.items;
    assert.deepEqual(member.received.items, [...order.slice(0, 3), order[11], order[20], 22]);
  });

  for (const [channel, what] of [
    ['paged', 'through store and ring'],
    ['replay:paged', 'back through the log, where the store keeps less'],
  ] as const) {
    test(`history pages with the SDK, both ways, ${what}`, () => pageBothWays(channel));
  }

  async function pageBothWays(channel: string): Promise<void> {
    const { publisher, publish } = await meet(channel);
    await publish(1, 30);
    await evict(fleet.edges, clients);
    await publish(31, 40);
    for (const reverse of [false, true]) {
      const all: unknown[] = [];
      let since: { offset: number; epoch: string } | undefined;
      for (;;) {
        const page = await publisher.subscription.history({
          limit: 7,
          reverse,
          ...(since === undefined ? {} : { since }),
        });
        const last = page.publications.at(-1);
        if (last === undefined) break;
        all.push(...page.publications.map(({ data }) => data as unknown));
        since = { offset: last.offset ?? 0, epoch: page.epoch };
      }
      const order = [...publisher.received.items];
      assert.deepEqual(all, reverse ? order.reverse() : order);
    }
    const outcome = channel.startsWith('replay:') ? 'log' : 'store';
    const { body } = await (fleet.edges[1] as EdgeProcess).internal('/metrics');
    assert.match(body, new RegExp(`pharos_edge_history_pages_total\\{outcome="${outcome}"\\} [1-9]`));
  }
});

describe('recovery from a Redis Cluster', { skip: unavailable('pulsar') || unavailable('redis'), timeout }, () => {
  test('holds for channels whose names look like hash tags', async () => {
    const [pulsar, cluster] = await Promise.all([sharedPulsar(), startRedisCluster()]);
    const url = cluster.nodes.map(({ url: node }) => node.replace('redis://', '')).join(',');
    const fleet = await startFleet(pulsar, { PHAROS_REDIS_URL: `redis://${url}`, PHAROS_REDIS_MODE: 'cluster' }, 1);
    const edge = fleet.edges[0] as EdgeProcess;
    const clients: Resuming[] = [];
    try {
      for (const channel of ['}x', '{y}z', 'plain']) {
        const [member, publisher] = [new Resuming(edge, channel), new Resuming(edge, channel)];
        clients.push(member, publisher);
        await Promise.all([member.to(edge), publisher.to(edge)]);
        member.leave();
        for (const number of numbers(1, 10)) await publisher.publish(number);
        await evict(fleet.edges, clients);
        assert.equal((await member.to(edge)).recovered, true, channel);
        await member.received.waitForCount(10);
        assert.deepEqual(member.received.items, numbers(1, 10));
      }
      const { body } = await edge.internal('/metrics');
      assert.match(body, /pharos_edge_recovered_total\{tier="store"\} 3/);
    } finally {
      for (const client of clients) client.leave();
      await fleet.stop();
      await cluster.stop();
    }
  });
});
