import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PulsarBus } from '@pharos/bus';
import { Collector, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { Centrifuge, type SubscriptionOptions } from 'centrifuge';
import { Centrifuge as BinaryCentrifuge } from 'centrifuge/build/protobuf';
import { WebSocket } from 'ws';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import type { PulsarAddress } from './support/processes.ts';

const kinds: readonly Partial<SubscriptionOptions>[] = [
  {},
  { delta: 'fossil' },
  { tagsFilter: { key: 'n', cmp: 'lt', val: '100' } },
];
const count = 200;
const quote = (at: number): string => JSON.stringify({ at, mark: ['€', '₭', '😀'][at % 3], depth: 'x'.repeat(80) });

describe('deltas and filters of tags on real Pulsar, by the official SDK', { skip: unavailable('pulsar') }, () => {
  const topic = uniqueTopic('fan-out');
  let pulsar: PulsarAddress;
  let edges: EdgeProcess[];

  before(async () => {
    pulsar = await sharedPulsar();
    edges = [await startEdge({ pulsar, topic }), await startEdge({ pulsar, topic })];
  });

  after(async () => {
    assert.deepEqual(await Promise.all(edges.map((edge) => edge.stop())), [0, 0]);
  });

  test('each subscriber gets what it asked for, whole and in order, on both edges', async (t) => {
    const rooms: { readonly got: Collector<string>; readonly filtered: boolean }[] = [];
    for (const { sdkUrl } of edges) {
      for (const Client of [Centrifuge, BinaryCentrifuge]) {
        for (const options of kinds) {
          const client = new Client(sdkUrl, { websocket: WebSocket });
          t.after(() => client.disconnect());
          client.connect();
          const subscription = client.newSubscription('room', options);
          const got = new Collector<string>();
          subscription.on('publication', ({ data }: { readonly data?: unknown }) => {
            got.add(data instanceof Uint8Array ? Buffer.from(data).toString() : JSON.stringify(data));
          });
          subscription.subscribe();
          await subscription.ready(60_000);
          rooms.push({ got, filtered: 'tagsFilter' in options });
        }
      }
    }
    const bus = new PulsarBus({
      serviceUrl: pulsar.serviceUrl,
      adminUrl: pulsar.adminUrl,
      namePrefix: uniqueTopic('publisher').replaceAll(/[^a-z0-9-]/g, '-'),
    });
    t.after(() => bus.close());
    const log = await bus.openLog({ topic });
    for (let at = 0; at < count; at++) {
      const properties = { n: String(at % 2 === 0 ? at : 1_000), 'pharos-delta': '1' };
      await log.append({ channel: 'room', data: Buffer.from(quote(at)), properties }, 60_000);
    }
    const all = Array.from({ length: count }, (_, at) => quote(at));
    const few = all.filter((_, at) => at % 2 === 0 && at < 100);
    for (const { got, filtered } of rooms) {
      const expected = filtered ? few : all;
      await got.waitForCount(expected.length, 60_000);
      assert.deepEqual(got.items, expected);
    }
    for (const edge of edges) {
      assert.match((await edge.internal('/metrics')).body, /pharos_edge_deltas_total\{outcome="delta"\} [1-9]\d\d/);
    }
  });
});
