import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRegistry, Metrics } from '@pharos/telemetry';
import { eventually } from '@pharos/testkit';
import { EdgeMetrics } from '../src/metrics.ts';
import { ProtocolClient, TextClient } from './support/clients.ts';
import { FaultyBus } from './support/faulty-bus.ts';
import { logged } from './support/logs.ts';
import { metric, untilMetric } from './support/metrics.ts';
import { memoryWorld, socketServers, startEdge, startOutsider } from './support/world.ts';

/** The samples of a Prometheus text, by name and labels. */
async function scrape(port: number): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

describe('what operators see', () => {
  test('/metrics has no series more for many channels and users', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    const join = async (channel: string): Promise<void> => {
      const client = await ProtocolClient.connect(t, edge);
      await client.subscribe(channel);
      await client.publish(channel, 1);
      await client.publications.waitForCount(1);
      assert.equal(await client.errorOf({ subscribe: { channel } }), 105);
    };
    await join('first');
    const before = [...(await scrape(edge.edge.internalPort)).keys()];
    await Promise.all(Array.from({ length: 40 }, (_value, n) => join(`room-${n}`)));
    await untilMetric(edge, 'pharos_edge_channels', 41);
    const after = [...(await scrape(edge.edge.internalPort)).keys()];
    assert.deepEqual(after.sort(), before.sort());
    assert.ok(after.length < 400, `${after.length} series`);
  });

  test('/metrics says how many lanes can not be resumed though they should be, and why', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    const edge = await startEdge(t, world, { bus });
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('chat');
    const unrecoverable = (reason: string): Promise<number> =>
      metric(edge, 'pharos_edge_lanes_unrecoverable', { reason });
    assert.deepEqual([await unrecoverable('offsets'), await unrecoverable('epoch')], [0, 0]);
    bus.indexed = false;
    assert.deepEqual([await unrecoverable('offsets'), await unrecoverable('epoch')], [1, 0]);
    bus.indexed = true;
    bus.epoch = '';
    assert.deepEqual([await unrecoverable('offsets'), await unrecoverable('epoch')], [0, 1]);
  });

  test('nobody misses what was never to be resumed', async (t) => {
    const world = memoryWorld();
    const bus = new FaultyBus(world.bus());
    bus.indexed = false;
    const env = { PHAROS_CHAT_ENABLED: 'false', PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '0' };
    const edge = await startEdge(t, world, { bus, env });
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('a');
    assert.equal(await metric(edge, 'pharos_edge_lanes_attached'), 1);
    assert.equal(await metric(edge, 'pharos_edge_lanes_unrecoverable'), 0);
  });

  // An alert takes the increase of it.
  test('that no order was lost yet can be seen from the start', async () => {
    const metrics = new Metrics(createRegistry({ processMetrics: false }));
    void new EdgeMetrics(metrics);
    const text = await metrics.registry.metrics();
    assert.match(text, /^pharos_edge_control_total\{command="lost"\} 0$/m);
  });

  test('every value of a label that edges write stands in the text of its metric', async () => {
    const metrics = new Metrics(createRegistry({ processMetrics: false }));
    const edge = new EdgeMetrics(metrics);
    // Codes that an application made up, of an answer and of a close frame.
    edge.commandFailed(4_321, true);
    edge.connectEnded(4_321);
    edge.closed('websocket', 4_321);
    for (const { name, help, values } of await metrics.registry.getMetricsAsJSON()) {
      for (const { labels } of values) {
        for (const [label, value] of Object.entries(labels)) {
          if (label === 'transport' || label === 'le' || /^\d+$/.test(String(value))) continue;
          assert.match(help, new RegExp(`\\b${value}\\b`), `${name}{${label}="${value}"}: ${help}`);
        }
      }
    }
    const others = ['connections_closed', 'command_errors', 'connects'].map((name) => `pharos_edge_${name}_total`);
    for (const name of others) {
      const counted = await metrics.registry.getSingleMetricAsString(name);
      assert.match(counted, /"other"\} [12]$/m);
    }
  });

  test('/metrics after a scenario has the right values', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const outsider = await startOutsider(t, world);
    const [ann, bob] = [await ProtocolClient.connect(t, edge), await ProtocolClient.connect(t, edge)];
    const text = await TextClient.open(t, edge.chatUrl);
    await untilMetric(edge, 'pharos_edge_subscriptions', 1);
    for (const client of [ann, bob]) await client.subscribe('chat');
    await ann.subscribe('room');
    assert.equal(await ann.errorOf({ subscribe: { channel: 'room' } }), 105);
    for (let n = 0; n < 3; n++) await ann.publish('chat', n);
    text.send('line');
    await outsider.append('chat', 'from outside');
    await outsider.append('nobody-here', 'unheard');
    await outsider.append('room', '"last"');
    await ann.publications.waitForCount(6);
    await bob.publications.waitForCount(5);
    await text.received.waitForCount(5);
    bob.ws.close(1000);
    await untilMetric(edge, 'pharos_edge_connections', 2);

    const samples = await scrape(edge.edge.internalPort);
    const expected: Readonly<Record<string, number>> = {
      'pharos_edge_connections{transport="websocket"}': 1,
      'pharos_edge_connections{transport="text"}': 1,
      'pharos_edge_connections_opened_total{transport="websocket"}': 2,
      'pharos_edge_connections_opened_total{transport="text"}': 1,
      'pharos_edge_connections_closed_total{transport="websocket",code="1000"}': 1,
      pharos_edge_subscriptions: 3,
      pharos_edge_channels: 2,
      pharos_edge_lanes_attached: 1,
      pharos_edge_lanes_connected: 1,
      'pharos_edge_command_errors_total{code="105"}': 1,
      'pharos_edge_publishes_total{outcome="ok"}': 4,
      'pharos_edge_connects_total{outcome="ok"}': 2,
      pharos_edge_publications_lost_total: 0,
      pharos_edge_publishes_waiting: 0,
      // Each publication was an entry of its own; one that nobody is subscribed to reaches no socket.
      pharos_edge_lane_delay_seconds_count: 6,
      pharos_edge_publish_seconds_count: 4,
      'pharos_edge_publications_read_total{interest="local"}': 6,
      'pharos_edge_publications_read_total{interest="none"}': 1,
      pharos_edge_publications_misrouted_total: 0,
      'pharos_edge_messages_received_total{transport="text"}': 1,
      'pharos_edge_deliveries_total{variant="text"}': 5,
      'pharos_edge_deliveries_total{variant="json"}': 11,
    };
    const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, samples.get(name)]));
    assert.deepEqual(actual, expected);
  });

  test('close codes that clients make up share one series', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    for (const code of [4000, 4001, 4321, 4999, 1000]) {
      const client = await TextClient.open(t, edge.chatUrl);
      client.ws.close(code);
      await client.closed;
    }
    await untilMetric(edge, 'pharos_edge_connections', 0);
    await untilMetric(edge, 'pharos_edge_connections_closed_total', 4, { code: 'other' });
    await untilMetric(edge, 'pharos_edge_connections_closed_total', 1, { code: '1000' });
  });

  test('an operator reads who listens where, and nothing that a client sent', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    assert.equal(logged(edge, 'listens at 127.0.0.1').length, 1);
    const client = await ProtocolClient.open(t, edge);
    client.ws.send('{"id":1,"connect":{"token":"secret-token"}');
    await client.closed;
    const other = await ProtocolClient.open(t, edge);
    other.ws.send('{"id":1,"connect":{"token":"secret-token"}}');
    await other.closed;
    assert.deepEqual(logged(edge, 'secret-token'), []);
  });

  test('a busy port is an error that names it, and the failed edge leaves nothing open', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    await assert.rejects(
      startEdge(t, world, { env: { PHAROS_LISTEN: `127.0.0.1:${edge.port}` } }),
      new RegExp(String(edge.port)),
    );
    await assert.rejects(
      startEdge(t, world, { env: { PHAROS_INTERNAL_LISTEN: `127.0.0.1:${edge.edge.internalPort}` } }),
      new RegExp(String(edge.edge.internalPort)),
    );
  });
});

const quick = {
  PHAROS_CLIENT_PING_INTERVAL: '1s',
  PHAROS_CLIENT_PONG_TIMEOUT: '1s',
  PHAROS_CLIENT_STALE_CLOSE_DELAY: '1s',
};

// The wheel turns in seconds: this takes a few, on both servers at once.
describe('clients that fall silent', { concurrency: true }, () => {
  for (const socket of socketServers) {
    test(`no first command: 3502; no answer to a ping: 3012; who answers stays, on ${socket}`, async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket, env: quick });
      const text = await TextClient.open(t, edge.chatUrl);
      const silent = await ProtocolClient.open(t, edge);
      const deaf = await ProtocolClient.connect(t, edge);
      deaf.answersPings = false;
      const alive = await ProtocolClient.connect(t, edge);
      assert.deepEqual(await silent.closed, { code: 3502, reason: 'stale' });
      assert.deepEqual(await deaf.closed, { code: 3012, reason: 'no pong' });
      const pings = (): number => alive.frames.filter((frame) => frame === '{}').length;
      await eventually(() => (pings() >= 3 ? true : undefined), 'three pings');
      assert.equal(alive.ws.readyState, alive.ws.OPEN);
      assert.equal(text.ws.readyState, text.ws.OPEN);
    });
  }
});
