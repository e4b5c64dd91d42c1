import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import { Centrifuge, type PublicationContext } from 'centrifuge';
import { WebSocket } from 'ws';
import { type Json, ProtocolClient } from './support/clients.ts';
import { metric } from './support/metrics.ts';
import { bytesOf, joinRoom, protobufSdk } from './support/protobuf-clients.ts';
import { memoryWorld, type Outsider, socketServers, startEdge, startOutsider } from './support/world.ts';

const delta = { delta: 'fossil' } as const;
const asked = { 'pharos-delta': '1' };

/** Quotes that differ by little, with characters that share bytes, and some that have nothing to do with the one before. */
function quote(at: number): string {
  if (at % 7 === 6) return `"text № ${at}"`;
  return JSON.stringify({
    symbol: 'ABCé',
    at,
    mark: ['€', '₭', '😀', '😁'][at % 4],
    depth: 'x'.repeat(60),
    price: at * 17,
  });
}

async function publishQuotes(outsider: Outsider, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) await outsider.append('room', quote(at), at % 5 === 4 ? {} : asked);
}

const quotes = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => quote(from + index));

interface WirePublication {
  readonly data: string;
  readonly delta?: boolean;
  readonly offset: number;
}

/** Publications as they lie on the wire. */
const wire = (client: ProtocolClient): WirePublication[] =>
  client.messages.items
    .map((message) => (message['push'] as { pub?: WirePublication } | undefined)?.pub)
    .filter((pub): pub is WirePublication => pub !== undefined);

interface Reply {
  readonly delta?: boolean;
  readonly recovered?: boolean;
  readonly offset?: number;
  readonly epoch: string;
  readonly publications?: readonly { readonly data: string }[];
}

const result = (reply: Json): Reply => reply['subscribe'] as Reply;

function sdk(url: string): Centrifuge {
  const client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 10, maxReconnectDelay: 50 });
  client.connect();
  return client;
}

describe('deltas', () => {
  for (const socket of socketServers) {
    test(`the official SDK puts them together, in both encodings, beside clients without (${socket})`, async (t) => {
      const world = memoryWorld();
      const edge = await startEdge(t, world, { socket });
      const outsider = await startOutsider(t, world);
      const client = sdk(edge.webSocketUrl);
      t.after(() => client.disconnect());
      const subscription = client.newSubscription('room', delta);
      const publications = new Collector<PublicationContext>();
      subscription.on('publication', publications.add);
      subscription.subscribe();
      await subscription.ready(60_000);
      const plain = await ProtocolClient.connect(t, edge);
      await plain.subscribe('room');
      const binary = await joinRoom(await protobufSdk(t, edge), 'room', delta);
      await publishQuotes(outsider, 0, 20);
      await publications.waitForCount(20);
      // Somebody who comes later begins with a whole one, and nobody else is disturbed.
      const later = await joinRoom(await protobufSdk(t, edge), 'room', delta);
      await publishQuotes(outsider, 20, 40);
      await publications.waitForCount(40);
      await binary.publications.waitForCount(40);
      await later.publications.waitForCount(20);
      await plain.publications.waitForCount(40);
      const texts = (rooms: readonly PublicationContext[]): string[] => rooms.map((each) => bytesOf(each).toString());
      assert.deepEqual(
        publications.items.map(({ data }) => JSON.stringify(data)),
        quotes(0, 40),
      );
      assert.deepEqual(texts(binary.publications.items), quotes(0, 40));
      assert.deepEqual(texts(later.publications.items), quotes(20, 40));
      assert.deepEqual(
        plain.dataOf('room').map((data) => JSON.stringify(data)),
        quotes(0, 40),
      );
      const { numDeltaPayloads, numFullPayloads } = subscription.deltaStats();
      assert.ok(numDeltaPayloads >= 15 && numFullPayloads >= 8, `${numDeltaPayloads} and ${numFullPayloads}`);
      assert.ok((await metric(edge, 'pharos_edge_deltas_total', { outcome: 'delta' })) >= 30);
      assert.ok((await metric(edge, 'pharos_edge_deltas_total', { outcome: 'whole' })) >= 4);
      assert.ok((await metric(edge, 'pharos_edge_delta_saved_bytes_total')) > 1_000);
    });
  }

  test('whole until the first was sent, then deltas where the publisher wants them; in JSON all data are strings', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(result(await client.subscribe('room', delta)).delta, true);
    for (const [at, properties] of [asked, asked, {}, asked].entries()) {
      await outsider.append('room', quote(at), properties);
      await client.publications.waitForCount(at + 1);
    }
    const pubs = wire(client);
    assert.deepEqual(
      pubs.map((pub) => pub.delta ?? false),
      [false, true, false, true],
    );
    assert.equal(pubs[0]?.data, quote(0));
    assert.equal(pubs[2]?.data, quote(2));
    assert.ok((pubs[1]?.data.length ?? Infinity) < quote(1).length);
    // Text and bytes that are no JSON, as they would be without deltas.
    await outsider.append('room', 'no JSON', {});
    await outsider.append('room', Buffer.from([0xff]), {});
    await client.publications.waitForCount(6);
    assert.deepEqual(
      wire(client)
        .slice(4)
        .map(({ data }) => data),
      ['"no JSON"', '"/w=="'],
    );
  });

  test('a resume brings whole publications as strings; the first after it is whole', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const outsider = await startOutsider(t, world);
    const first = await ProtocolClient.connect(t, edge);
    const { offset = 0, epoch } = result(await first.subscribe('room', { ...delta, recoverable: true }));
    await publishQuotes(outsider, 0, 4);
    await first.publications.waitForCount(4);
    const again = await ProtocolClient.connect(t, edge);
    const resumed = result(await again.subscribe('room', { ...delta, recover: true, offset, epoch }));
    assert.deepEqual(
      resumed.publications?.map(({ data }) => data),
      quotes(0, 4),
    );
    await publishQuotes(outsider, 7, 9);
    await again.publications.waitForCount(2);
    await first.publications.waitForCount(6);
    assert.equal(wire(again)[0]?.delta, undefined);
    assert.equal(wire(again)[0]?.data, quote(7));
    assert.deepEqual(
      [first, again].map((client) => wire(client).at(-1)?.delta),
      [true, true],
    );
  });

  test('the official SDK goes on after a reconnect', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const outsider = await startOutsider(t, world);
    const client = sdk(edge.webSocketUrl);
    t.after(() => client.disconnect());
    const subscription = client.newSubscription('room', { ...delta, recoverable: true });
    const publications = new Collector<PublicationContext>();
    subscription.on('publication', publications.add);
    subscription.subscribe();
    await subscription.ready(60_000);
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('room', delta);
    await publishQuotes(outsider, 0, 5);
    await publications.waitForCount(5);
    client.disconnect();
    await publishQuotes(outsider, 5, 10);
    await witness.publications.waitForCount(10);
    client.connect();
    await publications.waitForCount(10);
    await publishQuotes(outsider, 10, 20);
    await publications.waitForCount(20);
    assert.deepEqual(
      publications.items.map(({ data }) => JSON.stringify(data)),
      quotes(0, 20),
    );
  });

  test('in recovery mode cache too data are strings', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, {
      env: { PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY_MODE: 'cache' },
    });
    const outsider = await startOutsider(t, world);
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('room');
    await publishQuotes(outsider, 0, 2);
    await witness.publications.waitForCount(2);
    const client = await ProtocolClient.connect(t, edge);
    const { publications } = result(await client.subscribe('room', { ...delta, recover: true }));
    assert.deepEqual(
      publications?.map(({ data }) => data),
      [quote(1)],
    );
  });

  test('allowed_delta_types and delta_publish decide; a type that nobody knows is error 107', async (t) => {
    const namespaces = [
      { name: 'none', allowed_delta_types: [], delta_publish: true },
      { name: 'all', allowed_delta_types: ['fossil'], delta_publish: true },
      { name: 'some', allowed_delta_types: ['fossil'] },
    ];
    const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) } });
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', delta: 'vcdiff' } }), 107);
    const deltas: unknown[] = [];
    for (const { name } of namespaces) {
      const channel = `${name}:a`;
      deltas.push(result(await client.subscribe(channel, delta)).delta);
      const ofChannel = (): number => client.publications.items.filter((each) => each.channel === channel).length;
      for (let at = 0; at < 3; at++) {
        await client.publish(channel, JSON.parse(quote(at)));
        // What goes out in one pack with a subscriber's first publication goes out whole: each is to have its own.
        await client.publications.waitUntil(() => ofChannel() === at + 1, `publication ${at} of ${channel}`);
      }
      deltas.push(
        wire(client)
          .splice(-3)
          .map((pub) => pub.delta ?? false),
      );
    }
    assert.deepEqual(deltas, [
      undefined,
      [false, false, false],
      true,
      [false, true, true],
      true,
      [false, false, false],
    ]);
  });
});
