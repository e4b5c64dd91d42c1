import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { LogSpec } from '@pharos/bus';
import { MemoryPresence, PresenceNode } from '@pharos/presence';
import type { Prepared } from '@pharos/service';
import { Collector } from '@pharos/testkit';
import { SignJWT } from 'jose';
import { startBackend } from './support/backend.ts';
import { type Json, ProtocolClient, TextClient } from './support/clients.ts';
import { type TestEdge, testConfig } from './support/edge.ts';
import { statusAt } from './support/http-clients.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge, startOutsider, type World } from './support/world.ts';

const secret = 'a secret of at least thirty-two bytes';
const tokenOf = (user: string, claims: Json = {}): Promise<string> =>
  new SignJWT({ sub: user, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));

type Env = Readonly<Record<string, string>>;

/** An edge, and what takes up another configuration as SIGHUP does. */
async function reloadable(
  t: TestContext,
  env: Env = {},
  world: World = memoryWorld(),
): Promise<{
  edge: TestEdge;
  prepare: (changed: Env) => Promise<Prepared>;
  reload: (changed: Env) => Promise<void>;
}> {
  const presence = new MemoryPresence();
  const edge = await startEdge(t, world, { env, presence });
  const own = { PHAROS_CHAT_PAGE: 'false', PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: world.topic };
  const prepare = (changed: Env): Promise<Prepared> =>
    edge.edge.prepareReload(testConfig({ ...own, ...env, ...changed }));
  const reload = async (changed: Env): Promise<void> => (await prepare(changed)).take();
  return { edge, prepare, reload };
}

const resultOf = async (client: ProtocolClient, channel: string, options: Json): Promise<Json> =>
  (await client.subscribe(channel, options))['subscribe'] as Json;

describe('a configuration that is reloaded', () => {
  test('limits hold for who comes from now on, who is there counts and stays', async (t) => {
    const { edge, reload } = await reloadable(t, { PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret });
    const ann = await ProtocolClient.connect(t, edge, { token: await tokenOf('ann') });
    for (const channel of ['a', 'b']) assert.equal(await ann.errorOf({ subscribe: { channel } }), 0);
    await reload({ PHAROS_CLIENT_USER_CONNECTION_LIMIT: '1', PHAROS_CLIENT_CHANNEL_LIMIT: '2' });
    assert.equal(await ann.errorOf({ subscribe: { channel: 'c' } }), 106);
    const second = await ProtocolClient.open(t, edge);
    second.send({ connect: { token: await tokenOf('ann') } });
    assert.equal((await second.closed).code, 3504);
    // Pages of a name that was rebound to this machine's loopback are kept out for as long as nobody else can be meant.
    await reload({ PHAROS_LISTEN: '0.0.0.0:0' });
    const rebound = { origin: 'http://evil.example', host: 'evil.example' };
    assert.equal(await statusAt(edge.port, '/connection/sse', { headers: rebound }), 403);
    await reload({ PHAROS_CLIENT_ADDRESS_CONNECTION_LIMIT: '1' });
    await assert.rejects(ProtocolClient.open(t, edge), /429/);
    await reload({ PHAROS_CLIENT_CONNECTION_LIMIT: '1' });
    await assert.rejects(ProtocolClient.open(t, edge), /503/);
    assert.deepEqual(edge.edge.readiness(), { ready: false, reasons: ['at the connection limit'] });
    await reload({ PHAROS_CHAT_ENABLED: 'false', PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false' });
    const nobody = await ProtocolClient.open(t, edge);
    assert.equal(await nobody.errorOf({ connect: {} }), 101);
    assert.equal(await ann.errorOf({ subscribe: { channel: 'c' } }), 0);
  });

  test('tokens that are demanded: the chat, which only a restart ends, lets nobody in any more', async (t) => {
    const { edge, reload } = await reloadable(t, { PHAROS_CHAT_ENABLED: 'true' });
    const { client } = await TextClient.joined(t, edge);
    await reload({ PHAROS_CHAT_ENABLED: 'false', PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false' });
    await assert.rejects(TextClient.open(t, edge.chatUrl), /403/);
    assert.equal(await metric(edge, 'pharos_edge_connections_refused_total', { reason: 'anonymous' }), 1);
    client.send('who is there stays');
    await client.received.waitForCount(1);
    await reload({});
    await TextClient.joined(t, edge);
  });

  test('proxies: another backend is asked from then on, what is under way is answered by the former', async (t) => {
    const held = new Collector<() => void>();
    const first = await startBackend(t, ({ json }) =>
      json['data'] === 'slow' ? new Promise((resolve) => held.add(() => resolve({ result: { data: 1 } }))) : {},
    );
    const second = await startBackend(t, () => ({ result: { data: 2, user: 'ann' } }), { connect: true });
    const { edge, reload } = await reloadable(t, first.env);
    const [client, other] = [await ProtocolClient.connect(t, edge), await ProtocolClient.connect(t, edge)];
    const [slow] = client.send({ rpc: { method: 'm', data: 'slow' } });
    const [answer] = await held.waitForCount(1);
    await reload({ ...second.env, PHAROS_CLIENT_PROXY_REFRESH_ENABLED: 'true' });
    assert.deepEqual((await other.call({ rpc: { method: 'm' } }))['rpc'], { data: 2 });
    answer?.();
    assert.deepEqual((await client.reply(slow as number))['rpc'], { data: 1 });
    await ProtocolClient.connect(t, edge);
    assert.deepEqual(
      second.backend.requests.items.map(({ path }) => path),
      ['/rpc', '/connect'],
    );
    await first.backend.requests.waitForCount(1);
    await reload({ ...second.env, PHAROS_RPC_WITHOUT_NAMESPACE_PROXY_ENABLED: 'false' });
    assert.equal(await other.errorOf({ rpc: { method: 'm' } }), 108);
  });

  test('proxies that are to say what goes on: who was told to refresh may, once more, and is not ended for it', async (t) => {
    const { backend, env: proxied } = await startBackend(t, () => ({}), { refresh: true, channels: ['SUB_REFRESH'] });
    const { edge, reload } = await reloadable(t, { PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret });
    const exp = Math.floor(Date.now() / 1_000) + 3_600;
    const token = await tokenOf('ann', { exp });
    const client = await ProtocolClient.connect(t, edge, { token });
    const ofRoom = await tokenOf('ann', { exp, channel: 'room' });
    const { subscribe } = await client.subscribe('room', { token: ofRoom });
    assert.equal((subscribe as Json)['expires'], true);
    await reload({ ...proxied, PHAROS_CHAT_ENABLED: 'true' });
    const { sub_refresh: ofSubscription } = await client.call({ sub_refresh: { channel: 'room', token: ofRoom } });
    assert.deepEqual(ofSubscription, {});
    const { refresh } = await client.call({ refresh: { token } });
    const { expires, ttl } = refresh as Json;
    assert.deepEqual([expires, ttl], [undefined, undefined]);
    assert.equal(await client.errorOf({ ping: {} }), 0);
    assert.equal(backend.requests.items.length, 0);
    client.send({ sub_refresh: { channel: 'room', token: ofRoom } });
    assert.equal((await client.closed).code, 3501);
    const other = await ProtocolClient.connect(t, edge, { token });
    other.send({ refresh: { token } });
    assert.equal((await other.closed).code, 3501);
  });

  test('a channel that gets history can be resumed from then on; its followers, and the plain-text chat, go on', async (t) => {
    const world = memoryWorld();
    const off = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '0' };
    const { edge, reload } = await reloadable(t, off, world);
    const outsider = await startOutsider(t, world);
    const { client: text } = await TextClient.joined(t, edge);
    const client = await ProtocolClient.connect(t, edge);
    assert.equal((await resultOf(client, 'room', { recoverable: true }))['recoverable'], undefined);
    await outsider.append('room', '1');
    await client.publications.waitForCount(1);
    await reload({
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '10',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
    });
    const late = await ProtocolClient.connect(t, edge);
    const { epoch, offset, recoverable } = await resultOf(late, 'room', { recoverable: true });
    assert.equal(recoverable, true);
    for (const data of ['2', '3']) await outsider.append('room', data);
    await client.publications.waitForCount(3);
    assert.deepEqual(client.dataOf('room'), [1, 2, 3]);
    const back = await ProtocolClient.connect(t, edge);
    const resumed = await resultOf(back, 'room', { recover: true, recoverable: true, epoch, offset });
    assert.equal(resumed['recovered'], true);
    assert.deepEqual(
      (resumed['publications'] as Json[]).map(({ data }) => data),
      [2, 3],
    );
    await outsider.append('chat', 'hello');
    await text.received.waitFor((line) => line === 'hello', 'the chat');
  });

  test('a namespace that is new, with members; one that went is unknown to commands, and who is subscribed hears on', async (t) => {
    const members = { allow_presence_for_client: true, allow_presence_for_anonymous: true };
    const going = JSON.stringify([{ name: 'going', presence: false, join_leave: false }]);
    const { edge, reload } = await reloadable(t, {
      PHAROS_CHANNEL_NAMESPACES: going,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_PRESENCE: 'false',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_JOIN_LEAVE: 'false',
    });
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(await client.errorOf({ subscribe: { channel: 'going:a' } }), 0);
    const fresh = { name: 'fresh', log: 'fresh', presence: true, join_leave: true, ...members };
    const runs = t.mock.method(PresenceNode.prototype, 'run').mock;
    const reports = t.mock.method(process.report, 'getReport').mock;
    await reload({ PHAROS_CHANNEL_NAMESPACES: JSON.stringify([fresh]) });
    assert.equal(await client.errorOf({ subscribe: { channel: 'fresh:a' } }), 0);
    const { presence } = (await client.call({ presence: { channel: 'fresh:a' } }))['presence'] as { presence: Json };
    assert.deepEqual(Object.keys(presence), [client.id]);
    assert.equal(await client.errorOf({ publish: { channel: 'going:a', data: 1 } }), 102);
    await reload({ PHAROS_CHANNEL_NAMESPACES: going });
    assert.equal(await client.errorOf({ publish: { channel: 'going:a', data: 2 } }), 0);
    await client.publications.waitForCount(1);
    await reload({ PHAROS_CHANNEL_NAMESPACES: JSON.stringify([fresh]) });
    assert.equal(runs.callCount(), 1, 'presence that comes back is the one that runs');
    assert.equal(reports.callCount(), 0, 'a report of all connections holds them up');
  });

  test('a key set that was fetched is not lost to a change of something else, while it can not be fetched', async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }];
    let isUp = true;
    const server = createServer((_request, response) => {
      response.writeHead(isUp ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { edge, reload } = await reloadable(t, {
      PHAROS_CLIENT_TOKEN_JWKS_PUBLIC_ENDPOINT: `http://127.0.0.1:${port}/keys`,
    });
    const token = await new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
    await ProtocolClient.connect(t, edge, { token });
    isUp = false;
    await reload({ PHAROS_CLIENT_CHANNEL_LIMIT: '2' });
    await ProtocolClient.connect(t, edge, { token });
    await reload({ PHAROS_CLIENT_TOKEN_ISSUER: 'somebody' });
    const other = await ProtocolClient.open(t, edge);
    assert.equal(await other.errorOf({ connect: { token } }), 100);
  });

  test('what can not be is refused before anything has changed, and leaves no log open', async (t) => {
    const world = memoryWorld();
    const bus = world.bus();
    let open = 0;
    const openLog = bus.openLog.bind(bus);
    t.mock.method(bus, 'openLog', async (spec: LogSpec) => {
      const log = await openLog(spec);
      const close = log.close.bind(log);
      t.mock.method(log, 'close', () => close().finally(() => open--));
      open++;
      return log;
    });
    const env = { PHAROS_CHAT_CHANNEL: 'talk:all', PHAROS_CHANNEL_NAMESPACES: '[{"name":"talk"}]' };
    const { edge, reload, prepare } = await reloadable(t, env, { ...world, bus: () => bus });
    const atFirst = open;
    const client = await ProtocolClient.connect(t, edge);
    await assert.rejects(
      reload({ PHAROS_CHANNEL_NAMESPACES: '[]', PHAROS_CLIENT_CHANNEL_LIMIT: '1' }),
      /chat\.channel talk:all: its namespace is not configured/,
    );
    await assert.rejects(
      reload({ PHAROS_CLIENT_TOKEN_ECDSA_PUBLIC_KEY: '-----BEGIN PUBLIC KEY-----', PHAROS_CLIENT_CHANNEL_LIMIT: '1' }),
      /ecdsa_public_key/,
    );
    assert.equal(open, atFirst);
    const other = { PHAROS_CHANNEL_NAMESPACES: '[{"name":"talk"},{"name":"fresh","log":"fresh","join_leave":true}]' };
    const prepared = await prepare(other);
    assert.equal(open, atFirst + 2, 'a log, and its joins and leaves');
    await prepared.discard?.();
    assert.equal(open, atFirst);
    const lanes = (own: number): string =>
      JSON.stringify([{ name: 'talk' }, { name: 'fresh', log: 'fresh' }, { name: 'wide', lanes: own }]);
    await assert.rejects(reload({ PHAROS_CHANNEL_NAMESPACES: lanes(2) }), /asks for 2 lanes of .*, which has 1/);
    assert.equal(open, atFirst);
    const moved = JSON.stringify([{ name: 'first', log: 'other', lanes: 1 }, { name: 'talk' }]);
    await reload({ PHAROS_CHANNEL_NAMESPACES: moved });
    const wider = JSON.stringify([
      { name: 'wide', log: 'other', lanes: 2 },
      { name: 'first', log: 'other', lanes: 1 },
      { name: 'talk' },
    ]);
    const before = open;
    await assert.rejects(reload({ PHAROS_CHANNEL_NAMESPACES: wider }), /wide asks for 2 lanes of .*other, which has 1/);
    assert.equal(open, before);
    for (const channel of ['a', 'b', 'talk:b']) assert.equal(await client.errorOf({ subscribe: { channel } }), 0);
  });
});
