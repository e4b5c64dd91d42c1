import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { MemoryPresence } from '@pharos/presence';
import { eventually } from '@pharos/testkit';
import { ProtocolClient, TextClient } from './support/clients.ts';
import type { TestEdge } from './support/edge.ts';
import { FaultyBus } from './support/faulty-bus.ts';
import { logged } from './support/logs.ts';
import { untilIdle, untilMetric } from './support/metrics.ts';
import { memoryWorld, startEdge, withoutPrefill } from './support/world.ts';

// Without the chat and without history, no lane is attached before somebody asks.
const env = { PHAROS_CHAT_ENABLED: 'false', PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '0' };

async function untilAsked(bus: FaultyBus, times: number): Promise<void> {
  await eventually(() => (bus.attaches.arrived >= times ? true : undefined), `${times} attaches`);
}

describe('a subscribe that waits for its lane', () => {
  test('is answered when the lane is attached; other commands are not held up by it', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env });
    bus.attaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    const [a, b] = client.send({ subscribe: { channel: 'a', positioned: true } }, { subscribe: { channel: 'b' } });
    await untilAsked(bus, 1);
    await client.call({ ping: {} });
    assert.equal(await client.errorOf({ subscribe: { channel: 'a' } }), 105);
    bus.attaches.pass();
    const result = (await client.reply(a as number))['subscribe'] as Record<string, unknown>;
    assert.equal(result['positioned'], true);
    await client.reply(b as number);
    assert.equal(bus.attaches.arrived, 1);
    await client.publish('a', 1);
    await client.publications.waitForCount(1);
  });

  test('whose joins and leaves take longer waits for the lane again where that has ended meanwhile, and has a position in the new one', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env, presence: new MemoryPresence() });
    const plain = await ProtocolClient.connect(t, edge);
    await plain.subscribe('room');
    bus.lifecycleAttaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    const [id] = client.send({ subscribe: { channel: 'room', positioned: true, join_leave: true } });
    await eventually(() => (bus.lifecycleAttaches.arrived > 0 ? true : undefined), 'the lane of joins and leaves');
    bus.attaches.hold();
    const before = bus.attaches.arrived;
    world.broker.deleteLog(world.topic);
    await untilAsked(bus, before + 1);
    bus.lifecycleAttaches.pass();
    await untilMetric(edge, 'pharos_edge_lanes_attached', 1);
    await client.call({ ping: {} });
    bus.attaches.pass();
    const result = (await client.reply(id as number))['subscribe'] as Record<string, unknown>;
    assert.equal(result['positioned'], true);
    assert.match(String(result['epoch']), /\.1$/);
  });

  test('is answered with 100, temporary, when the lane does not come in time, and may be tried again', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env: { ...env, PHAROS_PULSAR_ATTACH_TIMEOUT: '150ms' } });
    bus.attaches.fail('unreachable');
    const client = await ProtocolClient.connect(t, edge);
    const reply = await client.call({ subscribe: { channel: 'a' } });
    assert.deepEqual(reply['error'], { code: 100, message: 'internal server error', temporary: true });
    assert.ok(logged(edge, 'could not attach a lane').length > 0);
    bus.attaches.pass();
    // The retry of the lane is some way off, but within the time that this one waits.
    await eventually(
      async () => ((await client.errorOf({ subscribe: { channel: 'a' } })) === 0 ? true : undefined),
      'a subscription',
    );
    await client.publish('a', 1);
    await client.publications.waitForCount(1);
  });

  test('an unsubscribe calls it off and answers both', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env });
    bus.attaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    const [subscribe, unsubscribe] = client.send({ subscribe: { channel: 'a' } }, { unsubscribe: { channel: 'a' } });
    assert.equal(((await client.reply(subscribe as number))['error'] as { code: number }).code, 100);
    assert.deepEqual((await client.reply(unsubscribe as number))['unsubscribe'], {});
    bus.attaches.pass();
    await untilMetric(edge, 'pharos_edge_lanes_attached', 1);
    await client.publish('a', 1);
    await client.call({ ping: {} });
    assert.equal(client.publications.items.length, 0);
    await untilMetric(edge, 'pharos_edge_subscriptions', 0);
  });

  test('the next subscribe of the channel is another one: each is answered once, and one subscription stands', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env });
    bus.attaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    const [first, , second] = client.send(
      { subscribe: { channel: 'a' } },
      { unsubscribe: { channel: 'a' } },
      { subscribe: { channel: 'a' } },
    );
    await client.reply(first as number);
    bus.attaches.pass();
    const reply = await client.reply(second as number);
    assert.deepEqual(reply['subscribe'], {});
    await untilMetric(edge, 'pharos_edge_subscriptions', 1);
    await client.publish('a', 1);
    await client.publications.waitForCount(1);
    await client.call({ ping: {} });
    assert.equal(client.publications.items.length, 1);
    const ids = client.messages.items.map(({ id }) => id).filter((id) => id !== undefined);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('111 where too many wait; the refused ones can be asked for again', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env: { ...env, PHAROS_CLIENT_CHANNEL_LIMIT: '1000' } });
    bus.attaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    const commands = Array.from({ length: 260 }, (_, index) => ({ subscribe: { channel: `c${index}` } }));
    const ids = client.send(...commands);
    for (const id of ids.slice(256)) {
      assert.equal(((await client.reply(id))['error'] as { code: number }).code, 111);
    }
    bus.attaches.pass();
    for (const id of ids.slice(0, 256)) assert.deepEqual((await client.reply(id))['subscribe'], {});
    assert.equal(await client.errorOf({ subscribe: { channel: 'c258' } }), 0);
    await untilMetric(edge, 'pharos_edge_subscriptions', 257);
  });

  test('who goes meanwhile leaves nothing behind', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env });
    bus.attaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    client.send({ subscribe: { channel: 'a' } });
    await untilAsked(bus, 1);
    client.ws.terminate();
    await untilMetric(edge, 'pharos_edge_connections', 0);
    bus.attaches.pass();
    await untilMetric(edge, 'pharos_edge_lanes_attached', 1);
    await untilIdle(edge);
  });

  test('an edge that stops meanwhile stops at once', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus, env: { ...env, PHAROS_PULSAR_ATTACH_TIMEOUT: '600s' } });
    bus.attaches.hold();
    const client = await ProtocolClient.connect(t, edge);
    client.send({ subscribe: { channel: 'a' } });
    await untilAsked(bus, 1);
    // The runner says so if the wait's timer outlives it.
    await edge.stop();
    await client.closed;
    bus.attaches.pass();
  });
});

describe('a text client whose lane is not attached', () => {
  async function startDetached(t: TestContext, timeout: string): Promise<{ edge: TestEdge; bus: FaultyBus }> {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    bus.attaches.hold();
    return {
      edge: await startEdge(t, world, { bus, env: { ...withoutPrefill, PHAROS_PULSAR_ATTACH_TIMEOUT: timeout } }),
      bus,
    };
  }

  test('is closed with 1013 when that takes too long', async (t) => {
    const { edge } = await startDetached(t, '150ms');
    const client = await TextClient.open(t, edge.chatUrl);
    assert.deepEqual(await client.closed, { code: 1013, reason: 'the log is not reachable' });
    await untilIdle(edge);
  });

  test('joins when it comes, and takes no harm if it is gone by then', async (t) => {
    const { edge, bus } = await startDetached(t, '30s');
    const stays = await TextClient.open(t, edge.chatUrl);
    const goes = await TextClient.open(t, edge.chatUrl);
    goes.ws.terminate();
    await untilMetric(edge, 'pharos_edge_connections', 1);
    bus.attaches.pass();
    await untilMetric(edge, 'pharos_edge_subscriptions', 1);
    stays.send('here');
    await stays.received.waitFor((text) => text.endsWith('] here'), 'its text');
  });
});
