import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { addressKey } from '../src/accept/admission.ts';
import { Tally } from '../src/tally.ts';
import { TokenBucket } from '../src/token-bucket.ts';
import { ProtocolClient, TextClient } from './support/clients.ts';
import type { TestEdge } from './support/edge.ts';
import { metric, untilMetric } from './support/metrics.ts';
import { memoryWorld, socketServers, startEdge } from './support/world.ts';

const secret = 'a secret of at least thirty-two bytes';
const tokenOf = (user: string): Promise<string> =>
  new SignJWT({ sub: user }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));

describe('TokenBucket', () => {
  test('gives as many as gather in a second, then as they come', () => {
    let nowMs = 0;
    const bucket = new TokenBucket(4, () => nowMs);
    const take = (times: number): boolean[] => Array.from({ length: times }, () => bucket.take());
    assert.deepEqual(take(5), [true, true, true, true, false]);
    nowMs += 250;
    assert.deepEqual(take(2), [true, false]);
    nowMs += 125;
    assert.deepEqual(take(1), [false]);
    nowMs += 125;
    assert.deepEqual(take(2), [true, false]);
    nowMs += 3_600_000;
    assert.deepEqual(take(5), [true, true, true, true, false]);
  });
});

describe('Tally', () => {
  test('counts each name up to the limit, and forgets those of which there are none', () => {
    const tally = new Tally(2);
    tally.count('a');
    tally.count('__proto__');
    assert.deepEqual(
      ['a', '__proto__', 'b'].map((name) => tally.isFull(name)),
      [false, false, false],
    );
    tally.count('a');
    assert.deepEqual([tally.isFull('a'), tally.isFull('b')], [true, false]);
    tally.leave('a');
    assert.equal(tally.isFull('a'), false);
    const unlimited = new Tally(undefined);
    unlimited.count('a');
    assert.equal(unlimited.isFull('a'), false);
    // Who was there before the limit counts.
    unlimited.limit = 1;
    assert.equal(unlimited.isFull('a'), true);
  });
});

describe('limits of an edge', () => {
  /** The status that an upgrade is answered with; 101: the connection stays open until the test ends. */
  const upgrade = (t: TestContext, edge: TestEdge, headers: Record<string, string> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(edge.webSocketUrl, { headers });
      t.after(() => ws.terminate());
      ws.once('open', () => resolve(101));
      ws.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0));
      ws.on('error', reject);
    });

  for (const socket of socketServers) {
    test(`connections of one address (${socket})`, async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket, env: { PHAROS_CLIENT_ADDRESS_CONNECTION_LIMIT: '2' } });
      const first = await ProtocolClient.connect(t, edge);
      await TextClient.open(t, edge.chatUrl);
      assert.equal(await upgrade(t, edge), 429);
      assert.equal(await metric(edge, 'pharos_edge_connections_refused_total', { reason: 'address_limit' }), 1);
      first.ws.close();
      await untilMetric(edge, 'pharos_edge_connections', 1);
      assert.equal(await upgrade(t, edge), 101);
    });
  }

  test('connections of one address behind a trusted proxy; from elsewhere the header opens nothing', async (t) => {
    const limit = { PHAROS_CLIENT_ADDRESS_CONNECTION_LIMIT: '1' };
    const proxied = await startEdge(t, memoryWorld(), { env: { ...limit, PHAROS_TRUSTED_PROXIES: '127.0.0.0/8' } });
    const from = (address: string): Record<string, string> => ({ 'X-Forwarded-For': address });
    assert.equal(await upgrade(t, proxied, from('198.51.100.1')), 101);
    assert.equal(await upgrade(t, proxied, from('198.51.100.2')), 101);
    assert.equal(await upgrade(t, proxied, from('198.51.100.1')), 429);
    assert.equal(await upgrade(t, proxied, from('198.51.100.9, 198.51.100.1')), 429);
    assert.equal(await upgrade(t, proxied, from('2001:db8::1')), 101);
    assert.equal(await upgrade(t, proxied, from('2001:db8::2:7')), 429);
    const direct = await startEdge(t, memoryWorld(), { env: limit });
    assert.equal(await upgrade(t, direct, from('198.51.100.1')), 101);
    assert.equal(await upgrade(t, direct, from('198.51.100.2')), 429);
  });

  test('what counts as one address', () => {
    const keys = ['192.0.2.1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', '2001:db8::1', '::1', 'fe80::'].map(
      addressKey,
    );
    const networks = ['2001:db8:1:2::/64', '2001:db8:1:2::/64', '2001:db8:0:0::/64', '0:0:0:0::/64', 'fe80:0:0:0::/64'];
    assert.deepEqual(keys, ['192.0.2.1', ...networks]);
  });

  test('compressed frames count as what they inflate to: a bomb is 1009, and the edge goes on', async (t) => {
    for (const socket of socketServers) {
      const env = { PHAROS_WEBSOCKET_COMPRESSION: 'true', PHAROS_WEBSOCKET_COMPRESSION_MIN_SIZE: '64' };
      const edge = await startEdge(t, memoryWorld(), { socket, env });
      const options = { perMessageDeflate: { threshold: 0 } };
      const bomber = await TextClient.open(t, edge.webSocketUrl, [], options);
      bomber.send(`{"id":1,"connect":{"data":"${'x'.repeat(20_000_000)}"}}`);
      await bomber.closed;
      await untilMetric(edge, 'pharos_edge_connections_closed_total', 1, { code: '1009' });
      const client = await ProtocolClient.connect(t, edge);
      const compressing = await TextClient.open(t, edge.webSocketUrl, [], options);
      compressing.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news"}}');
      await compressing.received.waitFor((text) => text.includes('"id":2'), 'the answer');
      assert.equal(await client.errorOf({ publish: { channel: 'news', data: 'x'.repeat(2_000) } }), 0);
      await compressing.received.waitFor((text) => text.includes('x'.repeat(2_000)), 'the publication');
    }
  });

  test('new connections in a second', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_CLIENT_CONNECTION_RATE_LIMIT: '3' } });
    const statuses = await Promise.all(Array.from({ length: 40 }, () => upgrade(t, edge)));
    const taken = statuses.filter((status) => status === 101).length;
    // The first second's at once; how many more depends on how long all this took.
    assert.ok(taken >= 3, `${taken}`);
    const refused = await metric(edge, 'pharos_edge_connections_refused_total', { reason: 'connection_rate' });
    assert.equal(refused, 40 - taken);
    assert.ok(refused > 0);
    assert.ok(statuses.every((status) => status === 101 || status === 503));
  });

  test('3504: connections of one user; anonymous ones are nobody in particular', async (t) => {
    const edge = await startEdge(t, memoryWorld(), {
      env: { PHAROS_CLIENT_USER_CONNECTION_LIMIT: '1', PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret },
    });
    for (let times = 0; times < 3; times++) await ProtocolClient.connect(t, edge);
    const ann = await ProtocolClient.connect(t, edge, { token: await tokenOf('ann') });
    await ProtocolClient.connect(t, edge, { token: await tokenOf('bob') });
    const second = await ProtocolClient.open(t, edge);
    second.send({ connect: { token: await tokenOf('ann') } });
    assert.deepEqual(await second.closed, { code: 3504, reason: 'connection limit' });
    ann.ws.close();
    await untilMetric(edge, 'pharos_edge_connections', 4);
    await ProtocolClient.connect(t, edge, { token: await tokenOf('ann') });
  });

  test('111: commands of one kind; others go on, and a plain-text client is told by 1013', async (t) => {
    const env = { PHAROS_CLIENT_COMMAND_RATE_LIMITS_PUBLISH: '2', PHAROS_CLIENT_COMMAND_RATE_LIMITS_SEND: '1' };
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.connect(t, edge);
    const publish = { publish: { channel: 'room', data: 1 } };
    const ids = client.send(...Array.from({ length: 40 }, () => publish));
    const replies = await Promise.all(ids.map((id) => client.reply(id)));
    const refused = replies.filter(({ error }) => (error as { code: number } | undefined)?.code === 111).length;
    assert.ok(refused >= 30 && refused <= 38, `${refused}`);
    for (let times = 0; times < 5; times++) assert.equal(await client.errorOf({ ping: {} }), 0);
    assert.equal(await client.errorOf({ subscribe: { channel: 'room' } }), 0);
    const text = await TextClient.open(t, edge.chatUrl);
    for (let times = 0; times < 40; times++) text.send('again');
    assert.deepEqual(await text.closed, { code: 1013, reason: 'too many messages' });
  });

  test('111: commands of one connection; 3013 for a send; answers to pings and other connections do not count', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env: { PHAROS_CLIENT_COMMAND_RATE_LIMIT: '2' } });
    const client = await ProtocolClient.connect(t, edge);
    client.ws.send('{}\n{}\n{}\n{}');
    const ids = client.send(...Array.from({ length: 40 }, () => ({ ping: {} })));
    const codes = await Promise.all(
      ids.map(async (id) => ((await client.reply(id))['error'] as { code: number } | undefined)?.code ?? 0),
    );
    // One frame is taken in one turn: nothing gathers meanwhile.
    assert.deepEqual(codes.slice(0, 2), [0, 0]);
    assert.ok(codes.filter((code) => code === 111).length >= 30, codes.join());
    const other = await ProtocolClient.connect(t, edge);
    assert.equal(await other.errorOf({ ping: {} }), 0);
    client.ws.send(Array.from({ length: 40 }, () => '{"id":99,"ping":{}}').join('\n') + '\n{"send":{"data":1}}');
    assert.deepEqual(await client.closed, { code: 3013, reason: 'too many requests' });
  });
});
