import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Leave, PresenceNode, Reaper, RedisPresence } from '@pharos/presence';
import { RedisClient } from '@pharos/redis';
import { eventually, type RedisServer, startRedis, unavailable } from '@pharos/testkit';
import { about, longMs, member, newOwner } from './conformance/harness.ts';

const leaseMs = 600;

describe('presence on Redis over outages', { skip: unavailable('redis'), timeout: 120_000 }, () => {
  let server: RedisServer;
  const clients: RedisClient[] = [];
  const parts: (PresenceNode | Reaper)[] = [];
  let published: Leave[];
  let rejoined: string[];
  /** How long a silent server counts as there: a busy process misses short times by itself. */
  let silenceTimeoutMs: number;

  beforeEach(async () => {
    server = await startRedis();
    published = [];
    rejoined = [];
    silenceTimeoutMs = 10_000;
  });
  afterEach(async () => {
    await Promise.all(parts.splice(0).map((part) => part.stop()));
    for (const client of clients.splice(0)) client.close();
    await server.stop();
  });

  async function newStore(): Promise<RedisPresence> {
    const address = { host: '127.0.0.1', port: server.port };
    const client = await RedisClient.open({ mode: 'standalone', address, silenceTimeoutMs });
    clients.push(client);
    return new RedisPresence(client);
  }

  /** A node as a process of its own: with a connection of its own. */
  async function node(name: string, renewMs = 150): Promise<PresenceNode> {
    const made = new PresenceNode(await newStore(), {
      node: name,
      about: () => about,
      onRejoined: (_channel, { client }) => rejoined.push(client),
      onError: () => undefined,
      leaseMs: Math.max(leaseMs, 2 * renewMs),
      renewMs,
    });
    parts.push(made);
    await made.run();
    return made;
  }

  async function reaper(onReaped?: () => void): Promise<Reaper> {
    const made = new Reaper(await newStore(), {
      publish: (leaves) => Promise.resolve(void published.push(...leaves)),
      onError: () => undefined,
      ...(onReaped === undefined ? {} : { onReaped }),
      leaseMs,
    });
    parts.push(made);
    await made.run();
    return made;
  }

  async function total(command: string): Promise<number> {
    const [client] = clients;
    const stats = String(await client?.command('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  test('a killed node is reaped, each leave once, though two reapers look', async () => {
    const [dead, living] = [await node('dead'), await node('living')];
    await Promise.all(Array.from({ length: 50 }, (_value, index) => dead.join(`c${index % 5}`, member(String(index)))));
    await living.join('c0', member('stays'));
    let reaped = 0;
    await Promise.all([reaper(() => reaped++), reaper(() => reaped++)]);
    await dead.stop();
    await eventually(() => (reaped > 0 ? true : undefined), 'reaping');
    const store = await newStore();
    await eventually(async () => ((await store.nodes()).length === 1 ? true : undefined), 'end of the dead node');
    assert.deepEqual(await store.stats('c0'), { clients: 1, users: 1 });
    // Both may publish; the ids are the same then.
    assert.equal(new Set(published.map(({ id }) => id)).size, 50);
    assert.equal(new Set(published.map(({ channel, client }) => `${channel} ${client}`)).size, 50);
  });

  test('Redis silent for longer than a lease, then killed and back empty: all true again, nobody reaped wrongly', async () => {
    silenceTimeoutMs = 300;
    const nodes = [await node('a'), await node('b')];
    await Promise.all(nodes.map((of, index) => of.join('x', member(`c${index}`))));
    await reaper();
    const store = await newStore();
    const everybody = async (count: number): Promise<true | undefined> => {
      const there = await store.members('x');
      return there.length === count ? true : undefined;
    };
    server.pause();
    // The lease runs out meanwhile, by the server's own clock.
    await eventually(
      () =>
        store.stats('x').then(
          () => undefined,
          () => true,
        ),
      'loss of the connection',
    );
    await new Promise((resolve) => setTimeout(resolve, leaseMs));
    server.resume();
    await eventually(() => everybody(2), 'members after the silence');
    await server.kill();
    const late = nodes[0]?.join('x', member('late'));
    const gone = nodes[1]?.leave('x', 'c1');
    await server.start();
    assert.equal((await late)?.fresh, true);
    await gone;
    await eventually(() => everybody(2), 'members after the loss of everything');
    assert.deepEqual(await store.stats('x'), { clients: 2, users: 1 });
    // Two looks of the reaper later nobody has been taken for dead.
    const looks = await total('smembers');
    await eventually(async () => ((await total('smembers')) >= looks + 3 ? true : undefined), 'looks of the reaper');
    assert.deepEqual([published, rejoined], [[], []]);
  });

  test('commands at rest: one a renewal, two a look, however many members; counting them is as cheap', async () => {
    const slowly = 60_000;
    const nodes = await Promise.all(['a', 'b', 'c', 'd'].map((name) => node(name, slowly)));
    const joins = nodes.flatMap((of, at) =>
      Array.from({ length: 1_500 }, (_value, index) => of.join('big', member(`${at}-${index}`, `u${index}`))),
    );
    await Promise.all(joins);
    const store = await newStore();
    const look = new Reaper(store, { publish: () => Promise.resolve(), onError: () => undefined });
    // Scripts were loaded, connections made: from here on only what is at rest.
    await nodes[0]?.beat();
    const [client] = clients;
    const processed = async (): Promise<number> => {
      const stats = String(await client?.command('INFO', 'stats'));
      return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
    };
    const before = await processed();
    for (let beat = 0; beat < 5; beat++) await Promise.all(nodes.map((of) => of.beat()));
    await look.look();
    assert.equal((await processed()) - before, 4 * 5 + 2 + 1, 'and the one that asks');
    assert.deepEqual(await store.stats('big'), { clients: 6_000, users: 1_500 });
    const counted = await processed();
    await store.stats('big');
    assert.ok((await processed()) - counted <= 4);
  });

  test('client text stands in no key; a channel’s keys share a tag, a node’s too', async () => {
    const store = await newStore();
    const owner = await newOwner(store, '}node{');
    for (const channel of ['}x', '{y}']) {
      await store.index(owner, [channel]);
      await store.change([
        { do: 'join', channel, id: 'j', owner, member: member('{client}', '}user') },
        { do: 'join', channel, id: 'j', owner, member: member('second', '}user') },
        { do: 'leave', channel, id: 'l', client: 'second' },
      ]);
    }
    const keys = (((await clients[0]?.command('KEYS', '*')) as Buffer[] | undefined) ?? []).map(String);
    assert.equal(keys.length, 3 + 3 + 2 + 1);
    const tags = keys.map(
      (key) => /^pharos:presence:\{((?:[cn]:[0-9a-f]{32})|nodes)\}(?::[a-z0-9:]+)?$/.exec(key)?.[1],
    );
    assert.ok(!tags.includes(undefined), keys.join());
    assert.equal(new Set(tags).size, 4);
  });

  test('a member whose index was lost is found when its channel is read, and reaped', async () => {
    const store = await newStore();
    const owner = await newOwner(store);
    await store.index(owner, ['x']);
    await store.change([{ do: 'join', channel: 'x', id: 'j', owner, member: member('c') }]);
    await store.forget(owner);
    assert.deepEqual(await store.members('x'), []);
    let reaped = 0;
    await reaper(() => reaped++);
    await eventually(() => (reaped === 1 ? true : undefined), 'reaping');
    assert.deepEqual(
      published.map(({ client }) => client),
      ['c'],
    );
    assert.deepEqual(await store.stats('x'), { clients: 0, users: 0 });
    assert.equal(await store.acquire(owner, about, longMs), false);
  });
});
