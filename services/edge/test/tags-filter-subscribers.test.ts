import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import { Centrifuge, type PublicationContext } from 'centrifuge';
import { WebSocket } from 'ws';
import { type Json, ProtocolClient } from './support/clients.ts';
import { bytesOf, joinRoom, protobufSdk } from './support/protobuf-clients.ts';
import { memoryWorld, socketServers, startEdge, startOutsider, type Outsider } from './support/world.ts';

const eq = (key: string, val: string): Json => ({ key, cmp: 'eq', val });
const red = eq('color', 'red');

/** Publications 1 to `count`, of which every third one is red, and a last one that all get. */
async function publishColors(outsider: Outsider, channel: string, count: number): Promise<number[]> {
  const reds: number[] = [];
  for (let at = 1; at <= count; at++) {
    const isRed = at % 3 === 0;
    if (isRed) reds.push(at);
    await outsider.append(channel, String(at), { color: isRed ? 'red' : 'blue', 'pharos-user': 'ann' });
  }
  return reds;
}

const env = (namespace: Json): Record<string, string> => ({
  PHAROS_CHANNEL_NAMESPACES: JSON.stringify([{ name: 'n', ...namespace }]),
});

interface Resumed {
  readonly recovered?: boolean;
  readonly publications?: readonly { readonly data: unknown; readonly offset: number }[];
  readonly offset?: number;
  readonly epoch: string;
}

const result = (reply: Json): Resumed => reply['subscribe'] as Resumed;

describe('subscribers with a filter of tags', () => {
  for (const socket of socketServers) {
    test(`get what it lets through, by name and by number, in both encodings (${socket})`, async (t) => {
      const world = memoryWorld();
      const edge = await startEdge(t, world, { socket });
      const outsider = await startOutsider(t, world);
      const [all, named, numbered] = [
        await ProtocolClient.connect(t, edge),
        await ProtocolClient.connect(t, edge),
        await ProtocolClient.connect(t, edge),
      ];
      await all.subscribe('room');
      await named.subscribe('room', { tf: red });
      await numbered.subscribe('room', { tf: { op: 'and', nodes: [red, red] }, flag: 1 });
      const binary = await joinRoom(await protobufSdk(t, edge), 'room', {
        tagsFilter: { op: 'not', nodes: [{ key: 'color', cmp: 'eq', val: 'blue' }] },
      });
      const reds = await publishColors(outsider, 'room', 30);
      await all.publications.waitForCount(30);
      await named.publications.waitForCount(reds.length);
      await numbered.publications.waitForCount(reds.length);
      await binary.publications.waitForCount(reds.length);
      assert.deepEqual(named.dataOf('room'), reds);
      assert.deepEqual(
        numbered.publications.items.map(({ data }) => data),
        reds,
      );
      assert.deepEqual(
        binary.publications.items.map((publication) => Number(bytesOf(publication).toString())),
        reds,
      );
    });
  }

  test('what it holds back is no loss: a resume brings the rest, and all is well', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const outsider = await startOutsider(t, world);
    const first = await ProtocolClient.connect(t, edge);
    const { offset = 0, epoch } = result(await first.subscribe('room', { tf: red, recoverable: true }));
    const reds = await publishColors(outsider, 'room', 20);
    await first.publications.waitForCount(reds.length);

    const again = await ProtocolClient.connect(t, edge);
    const from = (at: number): Json => ({ recover: true, offset: at, epoch });
    const whole = result(await again.subscribe('room', { tf: red, ...from(offset) }));
    assert.equal(whole.recovered, true);
    const { publications = [] } = whole;
    assert.deepEqual(
      publications.map(({ data }) => data),
      reds,
    );
    // From the last that it let through: nothing was missed, and the position is where the lane is.
    const last = publications.at(-1)?.offset ?? 0;
    const third = await ProtocolClient.connect(t, edge);
    const rest = result(await third.subscribe('room', { tf: red, ...from(last) }));
    assert.deepEqual([rest.recovered, rest.publications, rest.offset], [true, undefined, offset + 20]);
  });

  test('a resume may bring as many as pass, however many were held back', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env: { PHAROS_CLIENT_RECOVERY_MAX_PUBLICATION_LIMIT: '7' } });
    const outsider = await startOutsider(t, world);
    const client = await ProtocolClient.connect(t, edge);
    const { offset = 0, epoch } = result(await client.subscribe('room', { recoverable: true }));
    const reds = await publishColors(outsider, 'room', 21);
    await client.publications.waitForCount(21);
    const position = { recover: true, offset, epoch };
    const filtered = await ProtocolClient.connect(t, edge);
    assert.equal(result(await filtered.subscribe('room', { tf: red, ...position })).publications?.length, reds.length);
    const whole = await ProtocolClient.connect(t, edge);
    assert.equal(result(await whole.subscribe('room', position)).recovered, undefined);
  });

  test('in recovery mode cache they are sent the newest that passes', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, {
      env: { PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY_MODE: 'cache' },
    });
    const outsider = await startOutsider(t, world);
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('room');
    await publishColors(outsider, 'room', 20);
    await witness.publications.waitForCount(20);
    const newest = async (tf: Json): Promise<unknown[] | undefined> => {
      const client = await ProtocolClient.connect(t, edge);
      return result(await client.subscribe('room', { tf, recover: true })).publications?.map(({ data }) => data);
    };
    assert.deepEqual(await newest(red), [18]);
    assert.deepEqual(await newest(eq('color', 'blue')), [20]);
    assert.equal(await newest(eq('color', 'green')), undefined);
  });

  test('107: what makes no sense, or together with deltas; 106: what is too large; 108: where the namespace has none', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env: env({ allow_tags_filter: false }) });
    const client = await ProtocolClient.connect(t, edge);
    const errorOf = (tf: Json, more: Json = {}): Promise<number> =>
      client.errorOf({ subscribe: { channel: 'room', tf, ...more } });
    assert.equal(await errorOf({ key: 'a', cmp: 'like', val: 'b' }), 107);
    assert.equal(await errorOf({}), 107);
    assert.equal(await errorOf(red, { delta: 'fossil' }), 107);
    assert.equal(await errorOf(eq('a', 'x'.repeat(5_000))), 106);
    assert.equal(await client.errorOf({ subscribe: { channel: 'n:a', tf: red } }), 108);
    assert.equal(await errorOf(red), 0);
  });

  test('106: more different filters than a channel may have; who leaves makes room', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_CLIENT_CHANNEL_TAGS_FILTER_LIMIT: '2' } });
    const clients: ProtocolClient[] = [];
    const join = async (color: string): Promise<number> => {
      const client = await ProtocolClient.connect(t, edge);
      clients.push(client);
      return client.errorOf({ subscribe: { channel: 'room', tf: eq('color', color) } });
    };
    assert.deepEqual([await join('red'), await join('blue'), await join('red'), await join('green')], [0, 0, 0, 106]);
    const [, second, , fourth] = clients;
    assert.equal(await fourth?.errorOf({ subscribe: { channel: 'hall', tf: eq('color', 'green') } }), 0);
    await second?.call({ unsubscribe: { channel: 'room' } });
    assert.equal(await fourth?.errorOf({ subscribe: { channel: 'room', tf: eq('color', 'green') } }), 0);
  });

  test('the official SDK', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world);
    const outsider = await startOutsider(t, world);
    const client = new Centrifuge(edge.webSocketUrl, {
      websocket: WebSocket,
      minReconnectDelay: 10,
      maxReconnectDelay: 50,
    });
    t.after(() => client.disconnect());
    client.connect();
    const subscription = client.newSubscription('room', {
      recoverable: true,
      tagsFilter: {
        op: 'or',
        nodes: [
          { key: 'color', cmp: 'eq', val: 'red' },
          { key: 'n', cmp: 'gte', val: '10' },
        ],
      },
    });
    const publications = new Collector<PublicationContext>();
    const recovered = new Collector<boolean>();
    subscription.on('publication', publications.add);
    subscription.on('subscribed', (context) => recovered.add(context.recovered));
    subscription.subscribe();
    await subscription.ready(60_000);
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('room');
    const reds = await publishColors(outsider, 'room', 9);
    await publications.waitForCount(reds.length);
    client.disconnect();
    await publishColors(outsider, 'room', 9);
    await witness.publications.waitForCount(18);
    client.connect();
    await recovered.waitForCount(2);
    await publications.waitForCount(2 * reds.length);
    assert.deepEqual(recovered.items, [false, true]);
    assert.deepEqual(
      publications.items.map(({ data }) => data as unknown),
      [...reds, ...reds],
    );
  });
});
