import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '@pharos/testkit';
import { ProtocolClient, TextClient } from './support/clients.ts';
import { FaultyBus } from './support/faulty-bus.ts';
import { metric, untilIdle, untilMetric } from './support/metrics.ts';
import { RawClient } from './support/raw-client.ts';
import { memoryWorld, socketServers, startEdge, startOutsider } from './support/world.ts';

async function statusOf(port: number, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: await response.text() };
}

for (const socket of socketServers) {
  describe(`a drain on ${socket}`, () => {
    test('answers what is under way, takes nothing more, closes with 3001 and 1001, refuses newcomers', async (t) => {
      const world = memoryWorld();
      const bus = new FaultyBus(world.bus());
      const edge = await startEdge(t, world, { socket, bus });
      const { internalPort } = edge.edge;
      assert.deepEqual(await statusOf(internalPort, '/health/ready'), { status: 200, body: 'ready\n' });
      const busy = await ProtocolClient.connect(t, edge);
      const idle = await ProtocolClient.connect(t, edge);
      const fresh = await ProtocolClient.open(t, edge);
      const text = await TextClient.joined(t, edge);
      const busyText = await TextClient.joined(t, edge);
      bus.appends.hold();
      const before = bus.appends.arrived;
      const [publish] = busy.send({ publish: { channel: 'chat', data: 'under way' } });
      busyText.client.send('under way, too');
      await eventually(() => (bus.appends.arrived === before + 2 ? true : undefined), 'two appends');

      const drained = edge.edge.drain();
      assert.deepEqual(await statusOf(internalPort, '/health/ready'), { status: 503, body: 'not ready\ndraining\n' });
      assert.equal((await statusOf(internalPort, '/health/live')).status, 200);
      const shutdown = { code: 3001, reason: 'shutdown' };
      assert.deepEqual(await idle.closed, shutdown);
      assert.deepEqual(await fresh.closed, shutdown);
      assert.deepEqual(await text.client.closed, { code: 1001, reason: 'shutdown' });
      await assert.rejects(TextClient.open(t, edge.chatUrl));
      // What comes now isn't taken any more: its sender hears nothing of it but the close, and tries elsewhere.
      const [late] = busy.send({ publish: { channel: 'chat', data: 'late' } });
      busyText.client.send('late');
      await assertOpen(busy);
      bus.appends.pass();
      assert.deepEqual((await busy.reply(publish as number))['publish'], {});
      assert.deepEqual(await busy.closed, shutdown);
      assert.equal((await busyText.client.closed).code, 1001);
      await drained;
      assert.equal(busy.messages.items.filter(({ id }) => id === late).length, 0);
      assert.equal(bus.appends.arrived, before + 2);
      await untilIdle(edge);
      assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { code: '3001' }), 3);
      assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { code: '1001' }), 2);
    });

    test('does not wait for subscribes that wait for their lane', async (t) => {
      const world = memoryWorld();
      const bus = new FaultyBus(world.bus());
      const env = { PHAROS_CHAT_ENABLED: 'false', PHAROS_PULSAR_ATTACH_TIMEOUT: '600s' };
      const edge = await startEdge(t, world, { socket, bus, env });
      bus.attaches.hold();
      const client = await ProtocolClient.connect(t, edge);
      client.send({ subscribe: { channel: 'room' } });
      await eventually(() => (bus.attaches.arrived === 1 ? true : undefined), 'the attach');
      await edge.edge.drain();
      assert.deepEqual(await client.closed, { code: 3001, reason: 'shutdown' });
      bus.attaches.pass();
    });

    test('a client that has not read all yet gets the rest and the close, before the process may end', async (t) => {
      const world = memoryWorld();
      const edge = await startEdge(t, world, { socket, env: { PHAROS_CLIENT_QUEUE_MAX_SIZE: '64MiB' } });
      const outsider = await startOutsider(t, world);
      let came = 0;
      const client = await RawClient.open(t, edge.port, '/', () => came++);
      await untilMetric(edge, 'pharos_edge_subscriptions', 1);
      client.stopReading();
      const count = 200;
      for (let index = 0; index < count; index++) await outsider.append('chat', 'x'.repeat(100_000));
      await untilMetric(edge, 'pharos_edge_deliveries_total', count);
      const gone = edge.edge.drain().then(() => edge.stop());
      await untilMetric(edge, 'pharos_edge_connections', 0);
      client.readOn();
      await gone;
      assert.equal(await client.ended(), 1001);
      assert.equal(came, count);
    });

    test('ends when all are gone, a second one and the stop do no harm', async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket });
      const clients = await Promise.all(Array.from({ length: 20 }, () => ProtocolClient.connect(t, edge)));
      await edge.edge.drain();
      await untilIdle(edge);
      for (const client of clients) assert.equal((await client.closed).code, 3001);
      await edge.edge.drain();
      await edge.stop();
      await edge.stop();
      await assert.rejects(statusOf(edge.edge.internalPort, '/health/live'));
    });
  });
}

/** It was given time to be closed, and is not. */
async function assertOpen(client: ProtocolClient): Promise<void> {
  await new Promise<void>((resolve) => client.ws.once('pong', () => resolve()).ping());
  assert.equal(client.ws.readyState, client.ws.OPEN);
}
