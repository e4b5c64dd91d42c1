import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryPresence } from '@pharos/presence';
import { eventually } from '@pharos/testkit';
import type { PublicationContext } from 'centrifuge/build/protobuf';
import { ProtocolClient, TextClient } from '../support/clients.ts';
import { metric, untilIdle, untilMetric } from '../support/metrics.ts';
import { BinaryClient, bytesOf, connectHex, joinRoom, ping, protobufSdk } from '../support/protobuf-clients.ts';
import { startEdge, startOutsider, type World } from '../support/world.ts';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
/** Frames of the encodings, lengths around those of varints, and text of both kinds. */
const payloads: readonly Buffer[] = [
  everyByte,
  Buffer.alloc(0),
  Buffer.from([0]),
  Buffer.from('{"a":\n[1]}'),
  Buffer.from('}}}\n{"push":{"disconnect":{"code":3503}}}'),
  Buffer.from('0d220b120163' + '3a0610c4131a0178', 'hex'),
  ...[127, 128, 16_383, 16_384].map((length) => Buffer.alloc(length, 0xee)),
];

const dataOf = (publications: readonly PublicationContext[]): string[] =>
  publications.map((publication) => bytesOf(publication).toString('hex'));
const hexOf = (buffers: readonly Buffer[]): string[] => buffers.map((each) => each.toString('hex'));

/** Clients that speak the protocol in Protobuf, beside others. */
export function protobufScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('asked for by subprotocol or query; every other client gets JSON', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    for (const [query, protocols, selected] of [
      ['', ['centrifuge-protobuf'], 'centrifuge-protobuf'],
      ['', ['other', 'centrifuge-protobuf', 'centrifuge-json'], 'centrifuge-protobuf'],
      ['?format=protobuf', [], ''],
      ['?cf_protocol=protobuf', [], ''],
      ['?format=json', ['centrifuge-protobuf'], 'centrifuge-protobuf'],
    ] as const) {
      const client = await BinaryClient.open(t, edge, query, protocols);
      assert.equal(client.ws.protocol, selected);
      client.send(`${connectHex} 04 0802 5a00`);
      const frame = await client.frames.waitFor((each) => each.includes('test-edge'), 'the reply to connect');
      assert.match(frame.toString('hex'), /^..08012a/);
      await client.frames.waitFor((each) => each.toString('hex') === '0408026200', 'the reply to ping');
    }
    for (const [query, protocols, selected] of [
      ['', ['centrifuge-json', 'centrifuge-protobuf'], 'centrifuge-json'],
      ['?format=json', [], ''],
      ['?format=', [], ''],
    ] as const) {
      const client = await TextClient.open(t, edge.webSocketUrl + query, protocols);
      assert.equal(client.ws.protocol, selected);
      client.send('{"id":1,"connect":{}}');
      await client.received.waitFor((text) => text.startsWith('{"id":1,"connect":'), 'the reply to connect');
    }
  });

  test('clients of both encodings hear each other on two edges; bytes stay as they are', async (t) => {
    const world = makeWorld();
    const [one, other] = [await startEdge(t, world, { socket }), await startEdge(t, world, { socket })];
    const outsider = await startOutsider(t, world);
    const json = await ProtocolClient.connect(t, one);
    await json.subscribe('room');
    const [near, far] = [await protobufSdk(t, one), await protobufSdk(t, other)];
    const rooms = [await joinRoom(near, 'room'), await joinRoom(far, 'room')] as const;

    await json.publish('room', { text: 'é' });
    await rooms[0].subscription.publish(Buffer.from('{"n": 1}'));
    await rooms[1].subscription.publish(everyByte);
    await outsider.append('room', 'from outside', { lang: 'en', 'pharos-other': 'x' });
    const expected = hexOf([
      Buffer.from('{"text":"é"}'),
      Buffer.from('{"n": 1}'),
      everyByte,
      Buffer.from('from outside'),
    ]);
    for (const { publications } of rooms) {
      await publications.waitForCount(4);
      assert.deepEqual(dataOf(publications.items), expected);
      const [first, , third, fourth] = publications.items as [
        PublicationContext,
        PublicationContext,
        PublicationContext,
        PublicationContext,
      ];
      assert.deepEqual([first.info?.client, first.info?.user], [json.id, '']);
      assert.ok((fourth.offset ?? 0) > (third.offset ?? 0));
      assert.deepEqual({ ...third.tags }, {});
      assert.deepEqual({ ...fourth.tags }, { lang: 'en' });
      assert.equal(fourth.info, undefined);
    }
    await json.publications.waitForCount(4);
    assert.deepEqual(json.dataOf('room'), [{ text: 'é' }, { n: 1 }, everyByte.toString('base64'), 'from outside']);
    assert.deepEqual(json.publications.items[2]?.tags, { 'pharos-encoding': 'base64' });
    assert.ok((await metric(one, 'pharos_edge_deliveries_total', { variant: 'protobuf' })) === 4);
    assert.ok((await metric(one, 'pharos_edge_deliveries_total', { variant: 'json' })) === 4);
  });

  test('whatever the payload, it arrives byte for byte, live, recovered and in history', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const outsider = await startOutsider(t, world);
    const witness = await joinRoom(await protobufSdk(t, edge), 'room');
    const client = await protobufSdk(t, edge);
    const { subscription, publications } = await joinRoom(client, 'room', { recoverable: true });
    await outsider.append('room', 'first');
    await publications.waitForCount(1);

    client.disconnect();
    for (const payload of payloads) await outsider.append('room', payload, { tag: 'ü' });
    await witness.publications.waitForCount(1 + payloads.length);
    const expected = hexOf([Buffer.from('first'), ...payloads]);
    assert.deepEqual(dataOf(witness.publications.items), expected);

    const resumed = new Promise<{ wasRecovering: boolean; recovered: boolean }>((resolve) =>
      subscription.once('subscribed', resolve),
    );
    client.connect();
    const { wasRecovering, recovered } = await resumed;
    assert.deepEqual([wasRecovering, recovered], [true, true]);
    await outsider.append('room', 'last');
    await publications.waitForCount(2 + payloads.length);
    assert.deepEqual(dataOf(publications.items), [...expected, Buffer.from('last').toString('hex')]);
    assert.deepEqual({ ...publications.items[1]?.tags }, { tag: 'ü' });

    const { publications: page } = await subscription.history({ limit: -1 });
    assert.deepEqual(dataOf(page), [...expected, Buffer.from('last').toString('hex')]);
    const { publications: newest } = await subscription.history({ limit: 1, reverse: true });
    assert.deepEqual(dataOf(newest), [Buffer.from('last').toString('hex')]);
  });

  test('presence, joins and leaves, of clients of both encodings', async (t) => {
    const namespaces = [{ name: 'told', presence: true, join_leave: true }];
    const env = { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) };
    const edge = await startEdge(t, makeWorld(), { socket, env, presence: new MemoryPresence() });
    const client = await protobufSdk(t, edge);
    const id = new Promise<string>((resolve) => client.once('connected', (context) => resolve(context.client)));
    client.disconnect();
    client.connect();
    const { subscription, events } = await joinRoom(client, 'told:room', { joinLeave: true });
    await events.waitFor((event) => event.startsWith('join'), 'its own join');
    const json = await ProtocolClient.connect(t, edge);
    await json.subscribe('told:room', { join_leave: true });
    await events.waitFor((event) => event === `join ${json.id}`, 'the join of the other');
    const { clients } = await subscription.presence();
    assert.deepEqual(Object.keys(clients).sort(), [await id, json.id].sort());
    const { numClients, numUsers } = await subscription.presenceStats();
    assert.deepEqual([numClients, numUsers], [2, 1]);
    json.ws.terminate();
    await events.waitFor((event) => event === `leave ${json.id}`, 'the leave of the other');
    assert.deepEqual(events.items, [`join ${await id}`, `join ${json.id}`, `leave ${json.id}`]);
  });

  test('errors, the end of a subscription and final closes reach the application as they are meant', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const client = await protobufSdk(t, edge);
    await assert.rejects(client.rpc('method', Buffer.alloc(1)), { code: 108, message: 'not available' });
    await assert.rejects(client.publish('unheard:of', Buffer.alloc(1)), { code: 102 });
    await assert.rejects(client.publish('room', Buffer.alloc(0)), { code: 107 });
    const gone = new Promise<{ code: number }>((resolve) => client.once('disconnected', resolve));
    client.disconnect();
    client.setToken('a.b.c');
    await gone;
    const refused = new Promise<{ code: number }>((resolve) => client.once('disconnected', resolve));
    client.connect();
    assert.equal((await refused).code, 3500);
  });

  test('a ping is one zero byte; who answers stays, who does not is closed with 3012', async (t) => {
    const env = { PHAROS_CLIENT_PING_INTERVAL: '1s', PHAROS_CLIENT_PONG_TIMEOUT: '1s' };
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const [deaf, alive] = [await BinaryClient.open(t, edge), await BinaryClient.open(t, edge)];
    deaf.answersPings = false;
    for (const client of [deaf, alive]) client.send(connectHex);
    assert.deepEqual(await deaf.closed, { code: 3012, reason: 'no pong' });
    assert.ok(deaf.frames.items.some((frame) => frame.equals(ping)));
    const pings = (): number => alive.frames.items.filter((frame) => frame.equals(ping)).length;
    await eventually(() => (pings() >= 3 ? true : undefined), 'three pings');
    assert.equal(alive.ws.readyState, alive.ws.OPEN);
  });

  test('whatever breaks the order of commands or the framing is closed with 3501', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const frames: Readonly<Record<string, string>> = {
      'subscribe first': '07 0801 2a03 0a0163',
      'ping first': '04 0801 5a00',
      'a pong first': '00',
      'no id': '02 2200',
      'id 0': '04 0800 2200',
      'connect twice': `${connectHex} 04 0802 2200`,
      'a publish without an id': `${connectHex} 08 3a06 0a0161 120162`,
      'no method': `${connectHex} 02 0802`,
      'a method that there is not': `${connectHex} 05 0802 a20100`,
      'two methods': '06 0801 2200 5a00',
      'a varint in place of a message': '04 0801 2001',
      'a length beyond the frame': '05 0801 2200',
      'a length beyond the command': '04 0801 2205',
      'a length without an end': 'ffffffffffffffffffff',
      'a channel that is not UTF-8': `${connectHex} 07 0802 2a03 0a01ff`,
      'an offset above 2^53': `${connectHex} 0f 0802 2a0b 38ffffffffffffffffff01`,
      'field number 0': '02 0001',
      'a group': '02 0b0c',
      nothing: '',
      'more commands than a frame may hold': `${connectHex} ${'00'.repeat(512)}`,
    };
    for (const [what, hex] of Object.entries(frames)) {
      const client = await BinaryClient.open(t, edge);
      client.send(hex);
      assert.deepEqual(await client.closed, { code: 3501, reason: 'bad request' }, what);
    }
    const text = await BinaryClient.open(t, edge);
    text.ws.send('{"id":1,"connect":{}}');
    assert.deepEqual(await text.closed, { code: 3501, reason: 'bad request' });
    await untilIdle(edge);
    await untilMetric(edge, 'pharos_edge_connections', 0);
  });
}
