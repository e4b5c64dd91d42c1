import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '@pharos/testkit';
import { ProtocolClient, TextClient } from './support/clients.ts';
import { makeTestEdge } from './support/edge.ts';
import { FaultyBus } from './support/faulty-bus.ts';
import { logged } from './support/logs.ts';
import { metric, untilMetric } from './support/metrics.ts';
import { memoryWorld, startEdge, startOutsider, withoutPrefill } from './support/world.ts';

const internal = { code: 100, message: 'internal server error', temporary: true };

describe('a log that fails', () => {
  test('an append that fails is answered with 100, too large with 106; the connection goes on', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus });
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room');
    for (const code of ['unreachable', 'deadline', 'outcome-unknown', 'queue-full', 'refused'] as const) {
      bus.appends.fail(code);
      assert.deepEqual((await client.publish('room', 1))['error'], internal, code);
      const outcome = code.replaceAll('-', '_');
      assert.equal(await metric(edge, 'pharos_edge_publishes_total', { outcome }), 1);
    }
    bus.appends.fail('too-large');
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 1 } }), 106);
    bus.appends.pass();
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 2 } }), 0);
    await client.publications.waitForCount(1);
    assert.deepEqual(client.dataOf('room'), [2]);
  });

  test('an outage is logged once, not once a publish', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus });
    const client = await ProtocolClient.connect(t, edge);
    bus.appends.fail('unreachable');
    for (let index = 0; index < 50; index++) await client.publish('room', index);
    assert.equal(logged(edge, 'publishes of clients failed').length, 1);
    await edge.stop();
    const lines = logged(edge, 'publishes of clients failed');
    assert.deepEqual(
      lines.map(({ times }) => times),
      [1, 49],
    );
  });

  test('a text that could not be published is said by a close, whose reason fits', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus });
    const client = await TextClient.open(t, edge.chatUrl);
    bus.appends.fail('unreachable');
    client.send('lost');
    const closed = await client.closed;
    assert.equal(closed.code, 1013);
    assert.match(closed.reason, /^message not sent: /);
  });

  test('more texts than may wait for the log are said by a close', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus });
    const client = await TextClient.open(t, edge.chatUrl);
    bus.appends.hold();
    for (let index = 0; index <= 256; index++) client.send('wait');
    assert.deepEqual(await client.closed, { code: 1013, reason: 'too many messages wait for the log' });
    bus.appends.pass();
  });

  test('a text that is sent before the lane is attached reaches its sender, too', async (t) => {
    const bus = new FaultyBus(memoryWorld().bus());
    bus.attaches.hold();
    const edge = await startEdge(t, memoryWorld(), { bus, env: withoutPrefill });
    const client = await TextClient.open(t, edge.chatUrl);
    const texts = ['one', 'two', 'three'];
    for (const text of texts) client.send(text);
    await untilMetric(edge, 'pharos_edge_messages_received_total', texts.length);
    bus.attaches.pass();
    const lines = await client.received.waitForCount(texts.length);
    assert.deepEqual(
      lines.map((line) => line.replace(/^\[.*\] /, '')),
      texts,
    );
  });

  test('a text whose sender could not join is not published', async (t) => {
    const bus = new FaultyBus(memoryWorld().bus());
    bus.attaches.hold();
    const edge = await startEdge(t, memoryWorld(), {
      bus,
      env: { ...withoutPrefill, PHAROS_PULSAR_ATTACH_TIMEOUT: '100ms' },
    });
    const client = await TextClient.open(t, edge.chatUrl);
    client.send('early');
    assert.deepEqual(await client.closed, { code: 1013, reason: 'the log is not reachable' });
    bus.attaches.pass();
    await TextClient.joined(t, edge);
    assert.equal(bus.appends.arrived, 1);
  });

  test('texts that wait for their sender to be joined are bounded in bytes', async (t) => {
    const bus = new FaultyBus(memoryWorld().bus());
    bus.attaches.hold();
    const edge = await startEdge(t, memoryWorld(), { bus, env: withoutPrefill });
    const client = await TextClient.open(t, edge.chatUrl);
    for (let index = 0; index < 4; index++) client.send('x'.repeat(32_000));
    assert.deepEqual(await client.closed, { code: 1013, reason: 'too many messages wait for the log' });
    bus.attaches.pass();
  });

  test('111 where too many publishes of a connection wait; those that wait are answered', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus });
    const client = await ProtocolClient.connect(t, edge);
    bus.appends.hold();
    const ids = client.send(...Array.from({ length: 300 }, () => ({ publish: { channel: 'room', data: 1 } })));
    for (const id of ids.slice(256)) {
      assert.equal(((await client.reply(id))['error'] as { code: number }).code, 111);
    }
    bus.appends.pass();
    for (const id of ids.slice(0, 256)) assert.deepEqual((await client.reply(id))['publish'], {});
  });

  test('an edge that starts before its log waits, live and not ready, until it is there', async (t) => {
    const bus = new FaultyBus(memoryWorld().bus());
    bus.opens.fail('unreachable');
    const made = await makeTestEdge({ bus, env: { PHAROS_CHAT_PAGE: 'false' } });
    t.after(() => made.stop());
    const running = made.edge.run();
    await eventually(() => (logged(made, 'not ready: ').length > 0 ? true : undefined), 'a line that says so');
    const health = `http://127.0.0.1:${made.edge.internalPort}/health`;
    assert.equal((await fetch(`${health}/live`)).status, 200);
    const ready = await fetch(`${health}/ready`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /starting: the logs are not open yet/);
    bus.opens.pass();
    await running;
    assert.deepEqual(made.edge.readiness(), { ready: true, reasons: [] });
  });

  test('an edge that waits for its log can be stopped, at once and without an error', async () => {
    const bus = new FaultyBus(memoryWorld().bus());
    bus.opens.fail('unreachable');
    const made = await makeTestEdge({ bus });
    const running = made.edge.run();
    await eventually(() => (logged(made, 'not ready: ').length > 0 ? true : undefined), 'a line that says so');
    await made.stop();
    await running;
    assert.equal(made.edge.port, 0);

    const holding = new FaultyBus(memoryWorld().bus());
    holding.opens.hold();
    const other = await makeTestEdge({ bus: holding });
    const opening = other.edge.run();
    await eventually(() => (holding.opens.arrived > 0 ? true : undefined), 'the first try');
    await other.stop();
    holding.opens.pass();
    await opening;
    assert.equal(other.edge.port, 0);
  });

  test('an edge that is stopped while it starts leaves nothing behind, whenever that is', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const made = await makeTestEdge({ bus: memoryWorld().bus() });
      const running = made.edge.run();
      for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      await made.stop();
      await running;
      for (const port of [made.edge.port, made.edge.internalPort].filter((each) => each > 0)) {
        await assert.rejects(fetch(`http://127.0.0.1:${port}/`), `after ${turns} turns`);
      }
      assert.equal(made.edge.readiness().ready, false);
    }
  });

  test('a port in use is said before the log is there', async (t) => {
    const { port } = await startEdge(t, memoryWorld());
    const bus = new FaultyBus(memoryWorld().bus());
    bus.opens.fail('unreachable');
    const made = await makeTestEdge({ bus, env: { PHAROS_LISTEN: `127.0.0.1:${port}` } });
    await assert.rejects(made.edge.run(), { code: 'address-in-use', message: new RegExp(`127\\.0\\.0\\.1:${port}`) });
    await made.stop();
    assert.equal(bus.opens.arrived, 0);
  });

  test('a log that can not be had at all is an error of the start', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    bus.opens.fail('lanes-mismatch');
    await assert.rejects(startEdge(t, world, { bus }), { code: 'lanes-mismatch' });
  });

  test('a cut connection: live publications wait, come in order, and the gauge tells', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room', { positioned: true });
    const outsider = await startOutsider(t, world);
    await untilMetric(edge, 'pharos_edge_lanes_connected', 1);
    for (let round = 0; round < 3; round++) {
      world.broker.setConnected(false);
      const appended = [1, 2, 3].map((n) => outsider.append('room', String(round * 3 + n)));
      await untilMetric(edge, 'pharos_edge_lanes_connected', 0);
      world.broker.setConnected(true);
      await Promise.all(appended);
      await untilMetric(edge, 'pharos_edge_lanes_connected', 1);
    }
    await client.publications.waitForCount(9);
    assert.deepEqual(client.dataOf('room'), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(client.pushes, []);
    assert.equal(await metric(edge, 'pharos_edge_lanes_attached'), 1);
  });
});
