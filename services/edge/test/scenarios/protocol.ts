import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolClient } from '../support/clients.ts';
import { metric, untilMetric } from '../support/metrics.ts';
import { startEdge, type World } from '../support/world.ts';

const badRequest = { code: 3501, reason: 'bad request' };

/** The Centrifuge protocol over JSON, command by command. */
export function protocolScenarios(makeWorld: () => World, socket: 'uws' | 'ws'): void {
  test('connect says who the client is and how it is kept alive', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const client = await ProtocolClient.open(t, edge);
    const reply = await client.call({ connect: { name: 'js', version: '1', data: { any: 1 } } });
    const result = reply['connect'] as Record<string, unknown>;
    assert.match(String(result['client']), /^[0-9a-f-]{36}$/);
    assert.match(String(result['version']), /^Pharos \d+\.\d+\.\d+/);
    assert.equal(result['ping'], 25);
    assert.equal(result['pong'], true);
    assert.match(String(result['node']), /^test-edge-/);
    assert.deepEqual(Object.keys(await client.call({ ping: {} })).sort(), ['id', 'ping']);
  });

  test('a token is refused as invalid while no key is configured', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const client = await ProtocolClient.open(t, edge);
    client.send({ connect: { token: 'a.b.c' } });
    assert.deepEqual(await client.closed, { code: 3500, reason: 'invalid token' });
  });

  test('where clients without a token may not connect, connect is answered with 101 and may be tried again', async (t) => {
    const env = { PHAROS_CHAT_ENABLED: 'false', PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false' };
    const edge = await startEdge(t, makeWorld(), { socket, env });
    const client = await ProtocolClient.open(t, edge);
    assert.equal(await client.errorOf({ connect: {} }), 101);
    assert.equal(await client.errorOf({ connect: {} }), 101);
    client.send({ subscribe: { channel: 'chat' } });
    assert.deepEqual(await client.closed, badRequest);
  });

  test('whatever breaks the order of commands or the framing is closed with 3501', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const frames: readonly (string | Buffer)[] = [
      '{"id":1,"subscribe":{"channel":"chat"}}',
      '{"id":1,"ping":{}}',
      '{"connect":{}}',
      '{"id":0,"connect":{}}',
      '{"id":1,"connect":{}}\n{"id":2,"connect":{}}',
      '{"id":1,"connect":{}}\n{"publish":{"channel":"chat","data":1}}',
      '{"id":1,"connect":{}}\n{"id":2,"unheard_of":{}}',
      '{"id":1,"connect":{},"ping":{}}',
      '{"id":1,"connect":"me"}',
      '{"id":1,"connect":{}',
      '[]',
      'null',
      '"connect"',
      '\n',
      '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"\\ud800"}}',
      '',
      `{"id":1,"connect":{"data":${'['.repeat(2000)}${']'.repeat(2000)}}}`,
      Buffer.from('{"id":1,"connect":{}}'),
    ];
    for (const frame of frames) {
      const client = await ProtocolClient.open(t, edge);
      client.ws.send(frame);
      assert.deepEqual(await client.closed, badRequest, frame.toString().slice(0, 80));
    }
    await untilMetric(edge, 'pharos_edge_connections', 0);
    assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { code: '3501' }), frames.length);
  });

  test('several commands in one frame are each answered, in order', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const client = await ProtocolClient.open(t, edge);
    client.ws.send(
      [
        '{"id":7,"connect":{}}',
        '{"id":8,"subscribe":{"channel":"a"}}',
        '{"id":9,"subscribe":{"channel":"b"}}',
        '',
        '{"id":10,"ping":{}}',
        '{"id":11,"unsubscribe":{"channel":"a"}}',
      ].join('\n'),
    );
    await client.reply(8);
    await client.reply(9);
    await client.reply(11);
    assert.equal(client.messages.items[0]?.['id'], 7);
    assert.deepEqual(new Set(client.messages.items.map(({ id }) => id)), new Set([7, 8, 9, 10, 11]));
    assert.ok(client.messages.items.every(({ id, error }) => error === undefined || id === 8));
  });

  test('subscribe, publish, receive, unsubscribe', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const ann = await ProtocolClient.connect(t, edge);
    const bob = await ProtocolClient.connect(t, edge);
    assert.equal(await ann.errorOf({ subscribe: { channel: 'room' } }), 0);
    assert.equal(await bob.errorOf({ subscribe: { channel: 'room' } }), 0);
    assert.equal(await ann.errorOf({ publish: { channel: 'room', data: { text: 'hi', list: [1, 'é'] } } }), 0);
    for (const client of [ann, bob]) {
      const [publication] = await client.publications.waitForCount(1);
      assert.deepEqual(publication?.data, { text: 'hi', list: [1, 'é'] });
      assert.deepEqual(publication.info, { user: '', client: ann.id });
      assert.equal(publication.tags, undefined);
      assert.ok(publication.offset > 0);
    }
    assert.equal(await bob.errorOf({ unsubscribe: { channel: 'room' } }), 0);
    // It need not be subscribed for that, and nothing changes.
    assert.equal(await bob.errorOf({ unsubscribe: { channel: 'room' } }), 0);
    await ann.publish('room', 'second');
    await ann.publications.waitForCount(2);
    await bob.call({ ping: {} });
    assert.equal(bob.publications.items.length, 1);
    await untilMetric(edge, 'pharos_edge_subscriptions', 1);
  });

  test('a frame of a channel reaches its subscribers only, and whole', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const channels = ['a', 'b', 'ab', 'ä', '世界', '{"push"}', 'a"b\\c', '#', '*', 'a/b/#', '+'];
    const clients = await Promise.all(channels.map(() => ProtocolClient.connect(t, edge)));
    for (const [index, client] of clients.entries()) await client.subscribe(channels[index] as string);
    const sender = await ProtocolClient.connect(t, edge);
    // One turn carries all of them: what one frame builder held must not show in another channel's frame.
    await Promise.all([1, 2, 3].flatMap((n) => channels.map((channel) => sender.publish(channel, { channel, n }))));
    for (const [index, client] of clients.entries()) {
      await client.publications.waitForCount(3);
      await client.call({ ping: {} });
      const channel = channels[index] as string;
      assert.deepEqual(
        client.dataOf(channel),
        [1, 2, 3].map((n) => ({ channel, n })),
      );
      assert.equal(client.publications.items.length, 3);
    }
  });

  test('a positioned subscription is told its epoch and offset, any other is not', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { socket });
    const client = await ProtocolClient.connect(t, edge);
    assert.deepEqual((await client.subscribe('plain'))['subscribe'], {});
    await client.publish('room', 1);
    const before = (await client.subscribe('room', { positioned: true }))['subscribe'] as Record<string, unknown>;
    assert.equal(before['positioned'], true);
    assert.match(String(before['epoch']), /^[0-9a-f]+\.1$/);
    await client.publish('room', 2);
    const [publication] = await client.publications.waitForCount(1);
    assert.ok((publication?.offset ?? 0) > Number(before['offset']));
    await client.call({ unsubscribe: { channel: 'room' } });
    const after = (await client.subscribe('room', { positioned: true }))['subscribe'] as Record<string, unknown>;
    assert.equal(after['offset'], publication?.offset);
    assert.equal(after['epoch'], before['epoch']);
  });

  test('recovery that can not be had: not recovered, or error 112 where the client asks for that', async (t) => {
    const edge = await startEdge(t, makeWorld(), { socket });
    const client = await ProtocolClient.connect(t, edge);
    const ask = { recover: true, epoch: 'e.1', offset: 3, positioned: true };
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', ...ask, flag: 2 } }), 112);
    const { subscribe } = await client.subscribe('room', ask);
    const result = subscribe as Record<string, unknown>;
    assert.equal(result['was_recovering'], true);
    assert.equal(result['recovered'], undefined);
    assert.equal(result['publications'], undefined);
  });
}
