import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryPresence } from '@pharos/presence';
import { Collector } from '@pharos/testkit';
import { Centrifuge, type PublicationContext } from 'centrifuge';
import { WebSocket } from 'ws';
import { type Json, ProtocolClient } from './support/clients.ts';
import { joinRoom, protobufSdk } from './support/protobuf-clients.ts';
import { memoryWorld, socketServers, startEdge } from './support/world.ts';

const compact = { flag: 1 };

const idOf = (reply: Json): number => (reply['subscribe'] as { id?: number }).id ?? 0;

/** Pushes as they lie on the wire, without the publication's offset and time. */
function pushLines(client: ProtocolClient): string[] {
  return client.frames
    .flatMap((frame) => frame.split('\n'))
    .filter((line) => line.startsWith('{"push"'))
    .map((line) => line.replace(/,"info":\{[^}]*\}/, '').replace(/,"(offset|time)":\d+/g, ''));
}

describe('channel compaction', () => {
  for (const socket of socketServers) {
    test(`who asks gets a number, and pushes by it; who does not gets the name (${socket})`, async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket });
      const [one, other, plain] = [
        await ProtocolClient.connect(t, edge),
        await ProtocolClient.connect(t, edge),
        await ProtocolClient.connect(t, edge),
      ];
      const id = idOf(await one.subscribe('room', compact));
      assert.ok(id > 0);
      assert.equal(idOf(await other.subscribe('room', compact)), id);
      assert.equal(idOf(await plain.subscribe('room')), 0);
      const second = idOf(await one.subscribe('hall', compact));
      assert.ok(second > 0 && second !== id);
      await one.publish('room', 1);
      await one.publish('hall', 2);
      await plain.publications.waitForCount(1);
      await one.messages.waitUntil(() => pushLines(one).length >= 2, 'two pushes');
      await other.messages.waitUntil(() => pushLines(other).length >= 1, 'a push');
      assert.deepEqual(pushLines(one), [
        `{"push":{"id":${id},"pub":{"data":1}}}`,
        `{"push":{"id":${second},"pub":{"data":2}}}`,
      ]);
      assert.deepEqual(pushLines(other), [`{"push":{"id":${id},"pub":{"data":1}}}`]);
      assert.deepEqual(pushLines(plain), ['{"push":{"channel":"room","pub":{"data":1}}}']);
    });
  }

  test('a number is never given twice, also not to the channel that had it', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    const client = await ProtocolClient.connect(t, edge);
    const ids = new Set<number>();
    for (let round = 0; round < 20; round++) {
      for (const channel of ['a', 'b']) {
        ids.add(idOf(await client.subscribe(channel, compact)));
        await client.call({ unsubscribe: { channel } });
      }
    }
    assert.equal(ids.size, 40);
  });

  test('joins and leaves come by the number too', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { presence: new MemoryPresence() });
    const client = await ProtocolClient.connect(t, edge);
    const id = idOf(await client.subscribe('room', { ...compact, join_leave: true }));
    const guest = await ProtocolClient.connect(t, edge);
    await guest.subscribe('room');
    await guest.call({ unsubscribe: { channel: 'room' } });
    await client.messages.waitUntil(() => client.pushes.length >= 3, 'two joins and a leave');
    assert.deepEqual(
      client.pushes.map(({ id: number, channel, join, leave }) => [
        number,
        channel,
        join !== undefined,
        leave !== undefined,
      ]),
      [
        [id, undefined, true, false],
        [id, undefined, true, false],
        [id, undefined, false, true],
      ],
    );
  });

  test('the official SDK, which asks for it, in both encodings', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    const frames: string[] = [];
    class Spy extends WebSocket {
      constructor(url: string) {
        super(url);
        this.on('message', (data: Buffer) => frames.push(data.toString()));
      }
    }
    const client = new Centrifuge(edge.webSocketUrl, { websocket: Spy });
    t.after(() => client.disconnect());
    client.connect();
    await client.ready(60_000);
    const publications = new Collector<PublicationContext>();
    for (const name of ['a', 'b']) {
      const subscription = client.newSubscription(name);
      subscription.on('publication', publications.add);
      subscription.subscribe();
      await subscription.ready(60_000);
    }
    const binary = await joinRoom(await protobufSdk(t, edge), 'b');
    await client.publish('b', 'to b');
    await client.publish('a', 'to a');
    await publications.waitForCount(2);
    assert.deepEqual(
      publications.items.map(({ channel, data }) => [channel, data as unknown]),
      [
        ['b', 'to b'],
        ['a', 'to a'],
      ],
    );
    assert.match(frames.join('\n'), /\{"push":\{"id":\d+,"pub":\{"data":"to b"/);
    // It can't tell numbers there: it is not given any.
    await binary.publications.waitForCount(1);
  });
});
