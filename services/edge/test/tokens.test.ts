import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryPresence } from '@pharos/presence';
import { Collector } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as Protobuf } from 'centrifuge/build/protobuf';
import { type JWTPayload, SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { type Json, ProtocolClient } from './support/clients.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge, type StartOptions } from './support/world.ts';

const secret = 'a secret of the backend and of Pharos';
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

function sign(claims: JWTPayload, key = secret): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(key));
}

const env = {
  PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret,
  PHAROS_CHAT_ENABLED: 'false',
  PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false',
};

const withEnv = (more: Readonly<Record<string, string>>): StartOptions => ({ env: { ...env, ...more } });

describe('connecting with a token', () => {
  test('says who the client is; what it publishes says so too', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const token = await sign({ sub: 'ann', info: { name: 'Ann' } });
    const client = await ProtocolClient.connect(t, edge, { token });
    assert.equal(await client.errorOf({ subscribe: { channel: 'room' } }), 0);
    await client.publish('room', 1);
    const [publication] = await client.publications.waitForCount(1);
    assert.deepEqual(publication?.info, { client: client.id, user: 'ann', conn_info: { name: 'Ann' } });
    assert.equal(await metric(edge, 'pharos_edge_tokens_total', { kind: 'connection', outcome: 'ok' }), 1);
  });

  test('none is 101; a wrong one ends the connection for good; an expired one is 109, and the next is taken', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const none = await ProtocolClient.open(t, edge);
    assert.equal(await none.errorOf({ connect: {} }), 101);
    const forged = await ProtocolClient.open(t, edge);
    forged.send({ connect: { token: await sign({ sub: 'root' }, 'another') } });
    assert.deepEqual(await forged.closed, { code: 3500, reason: 'invalid token' });
    const late = await ProtocolClient.open(t, edge);
    assert.equal(await late.errorOf({ connect: { token: await sign({ exp: nowSeconds() - 1 }) } }), 109);
    assert.equal(await late.errorOf({ connect: { token: await sign({ sub: 'ann' }) } }), 0);
  });

  test('commands behind it in its frame wait for it, and are not carried out where it is refused', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.open(t, edge);
    const token = await sign({ sub: 'ann' });
    const [, subscribe, ping] = client.send({ connect: { token } }, { subscribe: { channel: 'room' } }, { ping: {} });
    assert.notEqual((await client.reply(subscribe as number))['subscribe'], undefined);
    await client.reply(ping as number);
    assert.deepEqual(
      client.messages.items.map((message) => message['id']),
      [1, 2, 3],
    );
    const forged = await ProtocolClient.open(t, edge);
    forged.send({ connect: { token: 'a.b.c' } }, { subscribe: { channel: 'room' } });
    assert.equal((await forged.closed).code, 3500);
    assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 1);
    const twice = await ProtocolClient.open(t, edge);
    twice.send({ connect: { token } }, { connect: { token } });
    assert.equal((await twice.closed).code, 3501);
  });

  test('all subscriptions of an SDK may come behind it, as many as a connection may have', async (t) => {
    const edge = await startEdge(t, memoryWorld(), withEnv({ PHAROS_CLIENT_CHANNEL_LIMIT: '800' }));
    const token = await sign({ sub: 'ann' });
    const client = new Centrifuge(edge.webSocketUrl, { websocket: WebSocket, token });
    t.after(() => client.disconnect());
    const seen = new Collector<string>();
    client.on('disconnected', ({ code }) => seen.add(`disconnected ${code}`));
    for (let n = 0; n < 700; n++) {
      const subscription = client.newSubscription(`room-${n}`);
      subscription.on('subscribed', ({ channel }) => seen.add(channel));
      subscription.subscribe();
    }
    client.connect();
    await seen.waitForCount(1);
    assert.match(seen.items[0] as string, /^room/);
    await seen.waitForCount(700);
  });

  test('a flood behind it is not kept', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.open(t, edge);
    const token = await sign({ sub: 'ann' });
    client.send({ connect: { token } }, ...Array.from({ length: 400 }, () => ({ ping: {} })));
    assert.equal((await client.closed).code, 3501);
  });

  test('the connection ends with its token, and a fresh one prolongs it', async (t) => {
    const edge = await startEdge(t, memoryWorld(), withEnv({ PHAROS_CLIENT_EXPIRED_CLOSE_DELAY: '0s' }));
    const soon = await ProtocolClient.open(t, edge);
    const connected = await soon.call({ connect: { token: await sign({ sub: 'ann', exp: nowSeconds() + 2 }) } });
    const result = connected['connect'] as { expires: boolean; ttl: number };
    assert.equal(result.expires, true);
    assert(result.ttl >= 1 && result.ttl <= 2);
    const kept = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'bob', exp: nowSeconds() + 2 }) });
    const refreshed = await kept.call({ refresh: { token: await sign({ sub: 'bob', exp: nowSeconds() + 3_600 }) } });
    assert((refreshed['refresh'] as { ttl: number }).ttl > 3_000);
    assert.deepEqual(await soon.closed, { code: 3005, reason: 'connection expired' });
    assert.equal(await kept.errorOf({ ping: {} }), 0);
  });

  test('a refresh is of the same user, and in time', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const token = await sign({ sub: 'ann', exp: nowSeconds() + 60 });
    const other = await ProtocolClient.connect(t, edge, { token });
    other.send({ refresh: { token: await sign({ sub: 'bob' }) } });
    assert.equal((await other.closed).code, 3500);
    const late = await ProtocolClient.connect(t, edge, { token });
    late.send({ refresh: { token: await sign({ sub: 'ann', exp: nowSeconds() - 5 }) } });
    assert.equal((await late.closed).code, 3005);
    const empty = await ProtocolClient.connect(t, edge, { token });
    assert.equal(await empty.errorOf({ refresh: { token: '' } }), 107);
  });
});

describe('subscribing with a token', () => {
  const closed = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT: 'false' };

  test('opens a channel that is closed, private ones too; info goes with what is published there', async (t) => {
    const edge = await startEdge(t, memoryWorld(), withEnv(closed));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'ann' }) });
    for (const channel of ['room', '$room', '$room:x']) {
      const expected = channel === '$room:x' ? 102 : 103;
      assert.equal(await client.errorOf({ subscribe: { channel } }), expected, channel);
    }
    const token = await sign({ sub: 'ann', channel: '$room', info: { seat: 7 } });
    assert.equal(await client.errorOf({ subscribe: { channel: '$room', token } }), 0);
    await client.publish('$room', 1);
    const [publication] = await client.publications.waitForCount(1);
    assert.deepEqual(publication?.info, { client: client.id, user: 'ann', chan_info: { seat: 7 } });
  });

  test('is for this channel, this user and this client', async (t) => {
    const edge = await startEdge(t, memoryWorld(), withEnv(closed));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'ann' }) });
    const attempt = async (claims: JWTPayload, key?: string): Promise<number> =>
      client.errorOf({ subscribe: { channel: 'room', token: await sign(claims, key) } });
    assert.equal(await attempt({ sub: 'ann', channel: 'other' }), 103);
    assert.equal(await attempt({ sub: 'bob', channel: 'room' }), 103);
    assert.equal(await attempt({ channel: 'room' }), 103);
    assert.equal(await attempt({ sub: 'ann', channel: 'room', client: 'another' }), 103);
    assert.equal(await attempt({ sub: 'ann', channel: 'room' }, 'forged'), 103);
    assert.equal(await attempt({ sub: 'ann' }), 103);
    assert.equal(await attempt({ sub: 'ann', channel: 'room', exp: nowSeconds() - 1 }), 109);
    assert.equal(await attempt({ sub: 'ann', channel: 'room', client: client.id }), 0);
  });

  test('may have keys of its own, and then those to connect with are not taken', async (t) => {
    const own = {
      PHAROS_CLIENT_SUBSCRIPTION_TOKEN_ENABLED: 'true',
      PHAROS_CLIENT_SUBSCRIPTION_TOKEN_HMAC_SECRET_KEY: 'for subscriptions',
    };
    const edge = await startEdge(t, memoryWorld(), withEnv({ ...closed, ...own }));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'ann' }) });
    const claims = { sub: 'ann', channel: 'room' };
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', token: await sign(claims) } }), 103);
    const token = await sign(claims, 'for subscriptions');
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', token } }), 0);
    const forged = await ProtocolClient.open(t, edge);
    forged.send({ connect: { token: await sign({ sub: 'root' }, 'for subscriptions') } });
    assert.equal((await forged.closed).code, 3500);
  });

  test('the subscription ends with its token, and a fresh one prolongs it', async (t) => {
    const edge = await startEdge(t, memoryWorld(), withEnv({ ...closed, PHAROS_CLIENT_EXPIRED_SUB_CLOSE_DELAY: '0s' }));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'ann' }) });
    const tokenFor = (channel: string, seconds: number): Promise<string> =>
      sign({ sub: 'ann', channel, exp: nowSeconds() + seconds });
    const reply = await client.call({ subscribe: { channel: 'a', token: await tokenFor('a', 2) } });
    assert.equal((reply['subscribe'] as { expires: boolean }).expires, true);
    await client.call({ subscribe: { channel: 'b', token: await tokenFor('b', 2) } });
    const refreshed = await client.call({ sub_refresh: { channel: 'b', token: await tokenFor('b', 3_600) } });
    assert((refreshed['sub_refresh'] as { ttl: number }).ttl > 3_000);
    const push = await client.messages.waitFor((message) => JSON.stringify(message).includes('unsubscribe'), 'the end');
    assert.deepEqual(push, {
      push: { channel: 'a', unsubscribe: { code: 2501, reason: 'subscription expired' } },
    });
    await client.publish('b', 1);
    await client.publications.waitForCount(1);
    assert.equal(await client.errorOf({ sub_refresh: { channel: 'a', token: await tokenFor('a', 60) } }), 103);
  });

  test('an unsubscribe while the token is looked at calls it off', async (t) => {
    const edge = await startEdge(t, memoryWorld(), withEnv(closed));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'ann' }) });
    const token = await sign({ sub: 'ann', channel: 'room' });
    const [subscribe, , ping] = client.send(
      { subscribe: { channel: 'room', token } },
      { unsubscribe: { channel: 'room' } },
      { ping: {} },
    );
    assert.equal(((await client.reply(subscribe as number))['error'] as { code: number }).code, 100);
    await client.reply(ping as number);
    assert.equal(await client.errorOf({ subscribe: { channel: 'room', token } }), 0);
    assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 1);
  });
});

describe('channels that names close', () => {
  test('are for the users that they list, where the namespace says so', async (t) => {
    const namespaces = JSON.stringify([{ name: 'dialog', allow_user_limited_channels: true }, { name: 'plain' }]);
    const edge = await startEdge(t, memoryWorld(), withEnv({ PHAROS_CHANNEL_NAMESPACES: namespaces }));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: '42' }) });
    assert.equal(await client.errorOf({ subscribe: { channel: 'dialog:x#41,42' } }), 0);
    for (const channel of ['dialog:x#41,43', 'dialog:x#4', 'dialog:x#']) {
      assert.equal(await client.errorOf({ subscribe: { channel } }), 103, channel);
      assert.equal(await client.errorOf({ publish: { channel, data: 1 } }), 103, channel);
      assert.equal(await client.errorOf({ presence: { channel } }), 108, channel);
      assert.equal(await client.errorOf({ history: { channel, limit: 1 } }), 103, channel);
    }
    assert.equal(await client.errorOf({ subscribe: { channel: 'plain:x#41' } }), 0);
    const anonymous = await ProtocolClient.connect(t, edge, { token: await sign({}) });
    assert.equal(await anonymous.errorOf({ subscribe: { channel: 'dialog:x#' } }), 103);
  });

  test('names must match the pattern of their namespace', async (t) => {
    const namespaces = JSON.stringify([{ name: 'user', channel_regex: '^[0-9]+$' }]);
    const edge = await startEdge(t, memoryWorld(), withEnv({ PHAROS_CHANNEL_NAMESPACES: namespaces }));
    const client = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'ann' }) });
    assert.equal(await client.errorOf({ subscribe: { channel: 'user:12' } }), 0);
    assert.equal(await client.errorOf({ subscribe: { channel: 'user:12a' } }), 107);
    assert.equal(await client.errorOf({ publish: { channel: 'user:', data: 1 } }), 107);
  });
});

describe('what the server subscribes to', () => {
  test('comes with the answer to connect, and live after it', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env });
    const other = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'bob' }) });
    const client = await ProtocolClient.open(t, edge);
    const claims = { sub: 'ann', channels: ['news'], subs: { $own: { data: { hello: 1 }, info: { seat: 1 } } } };
    const reply = await client.call({ connect: { token: await sign(claims) } });
    const { subs } = reply['connect'] as { subs: Record<string, Json> };
    assert.deepEqual(Object.keys(subs), ['news', '$own']);
    assert.deepEqual(subs['$own']?.['data'], { hello: 1 });
    await other.publish('news', 'n');
    const [publication] = await client.publications.waitForCount(1);
    assert.equal(publication?.channel, 'news');
    assert.equal(await client.errorOf({ subscribe: { channel: 'news' } }), 105);
    assert.equal(await client.errorOf({ publish: { channel: '$own', data: 1 } }), 0);
  });

  test('a channel that can not be is an error by name, and nothing is left behind', async (t) => {
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.open(t, edge);
    assert.equal(await client.errorOf({ connect: { token: await sign({ channels: ['no:way'] }) } }), 102);
    assert.equal(await client.errorOf({ connect: { token: await sign({ channels: ['x'.repeat(256)] }) } }), 107);
    assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 0);
  });

  test('what was missed comes with the answer, through the official SDK', async (t) => {
    const world = memoryWorld();
    const edge = await startEdge(t, world, withEnv({ PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: 'true' }));
    const other = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'bob' }) });
    const token = await sign({ sub: 'ann', channels: ['news'] });
    const client = new Centrifuge(edge.webSocketUrl, { websocket: WebSocket, token, minReconnectDelay: 10 });
    t.after(() => client.disconnect());
    const seen = new Collector<unknown>();
    const subscribed = new Collector<boolean>();
    client.on('subscribed', ({ recovered }) => subscribed.add(recovered));
    client.on('publication', ({ channel, data }) => seen.add(`${channel} ${JSON.stringify(data)}`));
    client.connect();
    await subscribed.waitForCount(1);
    await other.publish('news', 1);
    await seen.waitForCount(1);
    client.disconnect();
    for (const data of [2, 3]) await other.publish('news', data);
    client.connect();
    await seen.waitForCount(3);
    assert.deepEqual(seen.items, ['news 1', 'news 2', 'news 3']);
    assert.deepEqual(subscribed.items, [false, true]);
  });

  test('the same in Protobuf: identity, channels of the server, what is known of a publisher', async (t) => {
    const edge = await startEdge(
      t,
      memoryWorld(),
      withEnv({ PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: 'true' }),
    );
    const bob = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'bob', info: { name: 'Bob' } }) });
    const subs = { news: { data: { hello: 1 } } };
    const client = new Protobuf(edge.webSocketUrl, {
      websocket: WebSocket,
      token: await sign({ sub: 'ann', exp: nowSeconds() + 3_600, subs }),
      minReconnectDelay: 10,
    });
    t.after(() => client.disconnect());
    const seen = new Collector<string>();
    const subscribed = new Collector<string>();
    const text = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString();
    client.on('subscribed', ({ data, recovered }) => subscribed.add(`${text(data)} ${recovered}`));
    client.on('publication', ({ data, info }) => seen.add(`${text(data)} ${info?.user} ${text(info?.connInfo)}`));
    client.connect();
    await subscribed.waitForCount(1);
    await bob.publish('news', 1);
    await seen.waitForCount(1);
    client.disconnect();
    await bob.publish('news', 2);
    client.connect();
    await seen.waitForCount(2);
    assert.deepEqual(seen.items, ['1 bob {"name":"Bob"}', '2 bob {"name":"Bob"}']);
    assert.deepEqual(subscribed.items, ['{"hello":1} false', '{"hello":1} true']);
  });

  test('options of the token win over those of the namespace', async (t) => {
    const presence = new MemoryPresence();
    t.after(() => presence.close());
    const off = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_PRESENCE: 'true' };
    const edge = await startEdge(t, memoryWorld(), { ...withEnv(off), presence });
    const no = { value: false };
    const override = { presence: no, join_leave: no, force_positioning: { value: true } };
    const hidden = await ProtocolClient.open(t, edge);
    const reply = await hidden.call({ connect: { token: await sign({ sub: 'ann', subs: { room: { override } } }) } });
    const { subs } = reply['connect'] as { subs: Record<string, Json> };
    assert.equal(subs['room']?.['positioned'], true);
    const seen = await ProtocolClient.connect(t, edge, { token: await sign({ sub: 'bob', channels: ['room'] }) });
    const answer = await seen.call({ presence: { channel: 'room' } });
    const members = (answer['presence'] as { presence: Record<string, Json> }).presence;
    assert.deepEqual(
      Object.values(members).map(({ user }) => user),
      ['bob'],
    );
  });
});
