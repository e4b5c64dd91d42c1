import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { MemoryPresence, PresenceError, type PresenceStore } from '@pharos/presence';
import { Collector, eventually } from '@pharos/testkit';
import { WebSocket } from 'ws';
import { type Json, ProtocolClient } from './support/clients.ts';
import type { TestEdge } from './support/edge.ts';
import { logged } from './support/logs.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge, startOutsider, type World } from './support/world.ts';

const namespaces = [
  { name: 'plain', presence: true, join_leave: false },
  { name: 'none', presence: false, join_leave: false },
  { name: 'told', presence: true, join_leave: true, force_push_join_leave: true },
  {
    name: 'members',
    presence: true,
    allow_presence_for_anonymous: false,
    allow_presence_for_subscriber: true,
  },
];
const env = { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) };

function start(
  t: TestContext,
  world: World,
  presence: PresenceStore,
  more: Record<string, string> = {},
): Promise<TestEdge> {
  return startEdge(t, world, { env: { ...env, ...more }, presence });
}

async function clientsIn(client: ProtocolClient, channel: string): Promise<string[]> {
  const { presence } = (await client.call({ presence: { channel } }))['presence'] as { presence: Json };
  return Object.keys(presence).sort();
}

const statsOf = async (client: ProtocolClient, channel: string): Promise<unknown> =>
  (await client.call({ presence_stats: { channel } }))['presence_stats'];

/** `join` or `leave` with the client, as it came. */
function eventsOf(client: ProtocolClient, channel: string): string[] {
  return client.pushes
    .filter((push) => push['channel'] === channel)
    .flatMap((push) =>
      (['join', 'leave'] as const)
        .filter((kind) => push[kind] !== undefined)
        .map((kind) => `${kind} ${(push[kind] as { info: { client: string } }).info.client}`),
    );
}

async function heard(client: ProtocolClient, channel: string, events: readonly string[]): Promise<void> {
  await eventually(
    () => (eventsOf(client, channel).length >= events.length ? true : undefined),
    `${events.length} joins and leaves`,
  );
  assert.deepEqual(eventsOf(client, channel), events);
}

describe('presence', () => {
  test('who was answered is there, on whichever edge; who left or hung up is not', async (t) => {
    const world = memoryWorld();
    const store = new MemoryPresence();
    const [one, other] = [await start(t, world, store), await start(t, world, store)];
    const ann = await ProtocolClient.connect(t, one);
    const bob = await ProtocolClient.connect(t, other);
    // In one frame: the answers come in order, and the store was not asked before the first.
    const [, presence] = ann.send({ subscribe: { channel: 'room' } }, { presence: { channel: 'room' } });
    const answer = (await ann.reply(presence as number))['presence'];
    assert.deepEqual(answer, { presence: { [ann.id]: { user: '', client: ann.id } } });
    await bob.subscribe('room');
    assert.deepEqual(await clientsIn(bob, 'room'), [ann.id, bob.id].sort());
    assert.deepEqual(await statsOf(ann, 'room'), { num_clients: 2, num_users: 1 });
    assert.equal(await metric(one, 'pharos_edge_presence_members'), 1);
    await bob.call({ unsubscribe: { channel: 'room' } });
    assert.deepEqual(await clientsIn(bob, 'room'), [ann.id]);
    ann.ws.terminate();
    await eventually(async () => ((await clientsIn(bob, 'room')).length === 0 ? true : undefined), 'end of a member');
    assert.deepEqual(await statsOf(bob, 'room'), { num_clients: 0, num_users: 0 });
  });

  test('peers of the plain-text chat are members, and leave when they hang up', async (t) => {
    const edge = await start(t, memoryWorld(), new MemoryPresence());
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('chat', { join_leave: true });
    await heard(client, 'chat', [`join ${client.id}`]);
    const lines = new Collector<string>();
    const peer = new WebSocket(edge.chatUrl);
    t.after(() => peer.terminate());
    peer.on('message', (data: Buffer) => lines.add(data.toString()));
    peer.on('open', () => peer.send('hello'));
    const [line] = await lines.waitForCount(1);
    const id = String(/^\[([^\]]+)\] hello$/.exec(line ?? '')?.[1]);
    assert.deepEqual(await clientsIn(client, 'chat'), [client.id, id].sort());
    peer.close();
    await heard(client, 'chat', [`join ${client.id}`, `join ${id}`, `leave ${id}`]);
    assert.deepEqual(await clientsIn(client, 'chat'), [client.id]);
  });

  test('what is refused: 107 no channel, 102 no namespace, 108 presence is off, 103 not allowed', async (t) => {
    const edge = await start(t, memoryWorld(), new MemoryPresence());
    const client = await ProtocolClient.connect(t, edge);
    for (const command of ['presence', 'presence_stats']) {
      const errorOf = (channel: string): Promise<number> => client.errorOf({ [command]: { channel } });
      assert.equal(await errorOf(''), 107);
      assert.equal(await errorOf('unheard:of'), 102);
      assert.equal(await errorOf('none:a'), 108);
      assert.equal(await errorOf('members:a'), 103);
    }
    await client.subscribe('members:a');
    assert.deepEqual(await clientsIn(client, 'members:a'), [client.id]);
  });

  test('without a store: 108, and start-up says what is off', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('told:a');
    assert.equal(await client.errorOf({ presence: { channel: 'told:a' } }), 108);
    const [warning] = logged(edge, 'are off');
    assert.deepEqual(warning?.['namespaces'], ['default', 'plain', 'told', 'members']);
  });

  test('106: more members than one answer may hold; counting them goes on', async (t) => {
    const edge = await start(t, memoryWorld(), new MemoryPresence(), { PHAROS_PRESENCE_MAX_MEMBERS: '2' });
    const clients = await Promise.all([1, 2, 3].map(() => ProtocolClient.connect(t, edge)));
    const [first] = clients as [ProtocolClient];
    for (const client of clients) await client.subscribe('room');
    assert.equal(await first.errorOf({ presence: { channel: 'room' } }), 106);
    assert.deepEqual(await statsOf(first, 'room'), { num_clients: 3, num_users: 1 });
    assert.equal(
      await metric(edge, 'pharos_edge_presence_reads_total', { command: 'presence', outcome: 'too-many' }),
      1,
    );
  });

  test('the store away: subscribes and publications go on, presence is 100; all true again afterwards', async (t) => {
    const memory = new MemoryPresence();
    let away = false;
    const store = new Proxy(memory, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const failure = new PresenceError('unavailable', 'as the test asked for');
          if (!away) return Reflect.apply(value, target, args) as unknown;
          return name === 'change'
            ? Promise.resolve((args[0] as unknown[]).map(() => failure))
            : Promise.reject(failure);
        };
      },
    });
    const edge = await start(t, memoryWorld(), store);
    const [before, during] = [await ProtocolClient.connect(t, edge), await ProtocolClient.connect(t, edge)];
    await before.subscribe('told:a');
    await heard(before, 'told:a', [`join ${before.id}`]);
    away = true;
    await during.subscribe('told:a');
    const reply = await during.call({ presence: { channel: 'told:a' } });
    assert.deepEqual(reply['error'], { code: 100, message: 'internal server error', temporary: true });
    assert.equal(await before.errorOf({ presence_stats: { channel: 'told:a' } }), 100);
    await during.publish('told:a', 'live');
    await before.publications.waitForCount(1);
    before.ws.terminate();
    away = false;
    await heard(during, 'told:a', [`join ${during.id}`, `leave ${before.id}`]);
    await eventually(
      async () => ((await clientsIn(during, 'told:a')).length === 1 ? true : undefined),
      'presence after the outage',
    );
  });
});

describe('joins and leaves', () => {
  test('go to those that asked, or to all where the namespace forces it; over edges, in order, once', async (t) => {
    const world = memoryWorld();
    const store = new MemoryPresence();
    const [one, other] = [await start(t, world, store), await start(t, world, store)];
    const ann = await ProtocolClient.connect(t, one);
    const bob = await ProtocolClient.connect(t, other);
    const deaf = await ProtocolClient.connect(t, other);
    await ann.subscribe('room', { join_leave: true });
    await heard(ann, 'room', [`join ${ann.id}`]);
    await deaf.subscribe('room');
    await heard(ann, 'room', [`join ${ann.id}`, `join ${deaf.id}`]);
    await ann.subscribe('told:a');
    await heard(ann, 'told:a', [`join ${ann.id}`]);
    for (let round = 0; round < 3; round++) {
      await bob.subscribe('told:a');
      await bob.call({ unsubscribe: { channel: 'told:a' } });
    }
    await bob.subscribe('told:a');
    const [joined, left] = [`join ${bob.id}`, `leave ${bob.id}`];
    await heard(ann, 'told:a', [`join ${ann.id}`, joined, left, joined, left, joined, left, joined]);
    bob.ws.terminate();
    await heard(ann, 'told:a', [`join ${ann.id}`, joined, left, joined, left, joined, left, joined, left]);
    assert.deepEqual(eventsOf(deaf, 'room'), []);
    await ann.subscribe('plain:a', { join_leave: true });
    await ann.publish('plain:a', 1);
    await ann.publications.waitForCount(1);
    assert.deepEqual(eventsOf(ann, 'plain:a'), []);
  });

  test('the topic is open to other programs: what is no event is counted, what comes twice is dropped', async (t) => {
    const world = memoryWorld();
    const edge = await start(t, world, new MemoryPresence());
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('told:a');
    await heard(client, 'told:a', [`join ${client.id}`]);
    const outsider = await startOutsider(t, { ...world, topic: `${world.topic}-lifecycle` });
    const event = { type: 'leave', client: 'stranger', user: 'u', id: 'e1', node: 'n' };
    for (const data of [
      '',
      '[]',
      '{',
      '{"type":"join"}',
      '{"type":"stay","id":"e2","client":"x"}',
      '{"type":"join","id":3}',
    ]) {
      await outsider.append('told:a', data);
    }
    const info = '{"deep":[1,\n2],"n":12345678901234567890}';
    await outsider.append('told:a', `{"conn_info":${info},${JSON.stringify(event).slice(1)}`);
    await outsider.append('told:a', JSON.stringify(event));
    await outsider.append('told:a', JSON.stringify({ ...event, id: 'e3', type: 'join', client: '"}}\n{"push":1}' }));
    await heard(client, 'told:a', [`join ${client.id}`, 'leave stranger', 'join "}}\n{"push":1}']);
    assert.ok(client.frames.some((frame) => frame.includes('"conn_info":{"deep":[1, 2],"n":12345678901234567890}')));
    assert.equal(await metric(edge, 'pharos_edge_lifecycle_received_total', { kind: 'invalid' }), 6);
    assert.equal(await metric(edge, 'pharos_edge_lifecycle_received_total', { kind: 'repeated' }), 1);
  });

  test('a drain takes everybody out, and those on other edges are told', async (t) => {
    const world = memoryWorld();
    const store = new MemoryPresence();
    const [going, staying] = [await start(t, world, store), await start(t, world, store)];
    const watcher = await ProtocolClient.connect(t, staying);
    await watcher.subscribe('told:a');
    const clients = await Promise.all([1, 2, 3].map(() => ProtocolClient.connect(t, going)));
    for (const client of clients) await client.subscribe('told:a');
    await eventually(() => (eventsOf(watcher, 'told:a').length === 4 ? true : undefined), 'joins');
    await going.edge.drain();
    assert.deepEqual(await clientsIn(watcher, 'told:a'), [watcher.id]);
    await eventually(() => (eventsOf(watcher, 'told:a').length === 7 ? true : undefined), 'leaves');
    assert.equal((await store.nodes()).length, 1, 'the lease was given back');
  });
});
