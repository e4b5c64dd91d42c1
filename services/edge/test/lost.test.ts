import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolClient, TextClient } from './support/clients.ts';
import { joinRoom, protobufSdk } from './support/protobuf-clients.ts';
import { logged } from './support/logs.ts';
import { metric, untilMetric } from './support/metrics.ts';
import { memoryWorld, startEdge, startOutsider, type MemoryWorld } from './support/world.ts';

/** No lane is attached before somebody asks. */
const unattached = { PHAROS_CHAT_ENABLED: 'false', PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '0' };

/** Loses a publication before any edge can read it, and lets one come after. */
async function lose(world: MemoryWorld, data: string): Promise<void> {
  await world.broker.inject(world.topic, 0, { key: 'room', data: Buffer.from('"lost"') });
  world.broker.trim(world.topic, 0);
  await world.broker.inject(world.topic, 0, { key: 'room', data: Buffer.from(data) });
}

describe('publications that are lost, and logs that begin anew', () => {
  test('a positioned subscriber is told with 2500, others go on; a text client is closed with 1013', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const positioned = await ProtocolClient.connect(t, edge);
    const plain = await ProtocolClient.connect(t, edge);
    const text = await TextClient.joined(t, edge);
    await positioned.subscribe('room', { positioned: true });
    await positioned.subscribe('other', { positioned: true });
    await plain.subscribe('room');
    await lose(world, '"after"');
    await plain.publications.waitForCount(1);
    assert.deepEqual(plain.dataOf('room'), ['after']);
    assert.deepEqual(plain.pushes, []);
    assert.deepEqual(await text.client.closed, {
      code: 1013,
      reason: 'messages were lost before they could be sent',
    });
    const unsubscribe = { code: 2500, reason: 'insufficient state' };
    await positioned.messages.waitUntil(() => positioned.pushes.length >= 2, 'two pushes');
    assert.deepEqual(
      [...positioned.pushes].sort((a, b) => (String(a['channel']) < String(b['channel']) ? -1 : 1)),
      [
        { channel: 'other', unsubscribe },
        { channel: 'room', unsubscribe },
      ],
    );
    assert.deepEqual(positioned.dataOf('room'), []);
    assert.equal(await metric(edge, 'pharos_edge_offset_holes_total', { kind: 'lost' }), 1);
    assert.equal(logged(edge, 'publications were lost').length, 1);
    // It may come back at once.
    assert.equal(await positioned.errorOf({ subscribe: { channel: 'room', positioned: true } }), 0);
    assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 2);
  });

  test('a positioned subscriber is told in Protobuf too, and the SDK comes back by itself', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env: { PHAROS_CHAT_ENABLED: 'false' } });
    const { subscription, publications } = await joinRoom(await protobufSdk(t, edge), 'room', { positioned: true });
    const told = new Promise<{ code: number; reason: string }>((resolve) => subscription.once('subscribing', resolve));
    const back = new Promise<unknown>((resolve) => subscription.once('subscribed', resolve));
    await lose(world, 'after');
    const { code, reason } = await told;
    assert.deepEqual([code, reason], [2500, 'insufficient state']);
    await back;
    assert.deepEqual(publications.items, []);
  });

  test('what was handed on before the hole is delivered before the push', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env: { PHAROS_CHAT_ENABLED: 'false' } });
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room', { positioned: true });
    await world.broker.inject(world.topic, 0, { key: 'room', data: Buffer.from('1') });
    await client.publications.waitForCount(1);
    await lose(world, '3');
    await client.messages.waitUntil(() => client.pushes.length > 0, 'the push');
    assert.deepEqual(client.dataOf('room'), [1]);
  });

  test('offsets that the broker used up for itself are no loss', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room', { positioned: true });
    world.broker.skipOffsets(world.topic, 0, 3);
    await client.publish('room', 'after');
    await client.publications.waitForCount(1);
    assert.deepEqual(client.pushes, []);
    assert.equal(await metric(edge, 'pharos_edge_offset_holes_total', { kind: 'broker' }), 1);
    assert.equal(await metric(edge, 'pharos_edge_offset_holes_total', { kind: 'lost' }), 0);
  });

  test('a log that is deleted and made anew: 2500, a new epoch, and everything works again', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const client = await ProtocolClient.connect(t, edge);
    const plain = await ProtocolClient.connect(t, edge);
    const text = await TextClient.joined(t, edge);
    await plain.subscribe('room');
    const before = (await client.subscribe('room', { positioned: true }))['subscribe'] as { epoch: string };
    world.broker.deleteLog(world.topic);
    await client.messages.waitUntil(() => client.pushes.length > 0, 'the push');
    assert.equal((await text.client.closed).code, 1013);
    const after = (await client.subscribe('room', { positioned: true }))['subscribe'] as { epoch: string };
    assert.notEqual(after.epoch, before.epoch);
    assert.match(after.epoch, /^[0-9a-f]+\.1$/);
    await client.publish('room', 'again');
    for (const each of [client, plain]) {
      await each.publications.waitForCount(1);
      assert.deepEqual(each.dataOf('room'), ['again']);
    }
    await untilMetric(edge, 'pharos_edge_lanes_attached', 1);
    await untilMetric(edge, 'pharos_edge_lanes_connected', 1);
    assert.ok(logged(edge, 'a lane ended').length === 1);
  });

  test('who can not resume still gets what comes into the new log before the edge follows it', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const plain = await ProtocolClient.connect(t, edge);
    await plain.subscribe('room');
    world.broker.deleteLog(world.topic);
    const outsider = await startOutsider(t, world);
    for (const number of [1, 2, 3]) await outsider.append('room', String(number));
    await plain.publications.waitForCount(3);
    await outsider.append('room', '4');
    await plain.publications.waitForCount(4);
    assert.deepEqual(plain.dataOf('room'), [1, 2, 3, 4]);
  });

  test('a publish finds out by itself that its log has ended', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env: unattached });
    const client = await ProtocolClient.connect(t, edge);
    await client.publish('room', 1);
    world.broker.deleteLog(world.topic);
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 2 } }), 100);
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 3 } }), 0);
  });

  test('a log that comes back with more lanes is refused, in words', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env: unattached });
    const client = await ProtocolClient.connect(t, edge);
    await client.publish('room', 1);
    world.broker.deleteLog(world.topic);
    world.broker.topic(world.topic, 4);
    await client.publish('room', 2);
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 3 } }), 100);
    await edge.stop();
    assert.ok(logged(edge, 'restart this edge').length > 0);
  });
});
