import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as Protobuf } from 'centrifuge/build/protobuf';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { startBackend } from './support/backend.ts';
import { type Json, ProtocolClient } from './support/clients.ts';
import { StreamClient } from './support/http-clients.ts';
import { metric } from './support/metrics.ts';
import { memoryWorld, startEdge } from './support/world.ts';

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);
const who = { transport: 'websocket', protocol: 'json', encoding: 'json' };

describe('connecting through the backend', () => {
  test('it says who the client is, what it is subscribed to, and what it is sent', async (t) => {
    const answer = {
      user: 'ann',
      info: { name: 'Ann' },
      data: { hello: 1 },
      channels: ['news'],
      subs: { room: { info: { seat: 3 }, data: [1], override: { presence: { value: false } } } },
    };
    const { backend, env } = await startBackend(t, () => ({ result: answer }), {
      connect: true,
      each: { HTTP_HEADERS: 'Cookie', EMULATED_HEADERS: 'X-Auth' },
    });
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.open(t, edge, { headers: { Cookie: 'a=b', 'X-Other': 'no' } });
    const { connect } = await client.call({
      connect: { data: { x: 1 }, name: 'js', version: '2', headers: { 'X-Auth': 'claimed' }, subs: { wanted: {} } },
    });
    const { client: id, data, subs } = connect as { client: string; data: unknown; subs: Record<string, Json> };
    assert.deepEqual(data, { hello: 1 });
    assert.deepEqual(Object.keys(subs).toSorted(), ['news', 'room']);
    assert.deepEqual(subs['room']?.['data'], [1]);
    const [request] = backend.requests.items;
    assert.equal(request?.path, '/connect');
    assert.deepEqual(request.json, {
      ...{ client: id, ...who, name: 'js', version: '2', channels: ['wanted'], data: { x: 1 } },
    });
    const { cookie, 'x-auth': claimed, 'x-other': other } = request.headers;
    assert.deepEqual([cookie, claimed, other], ['a=b', 'claimed', undefined]);
    await client.publish('room', 1);
    const [publication] = await client.publications.waitForCount(1);
    assert.deepEqual(publication?.info, {
      ...{ client: id, user: 'ann', conn_info: { name: 'Ann' }, chan_info: { seat: 3 } },
    });
  });

  test('its errors and disconnects reach the client; without an answer it is error 100, and the client may try again', async (t) => {
    const { backend, env } = await startBackend(t, () => ({ error: { code: 1_000, message: 'no' } }), {
      connect: true,
    });
    const edge = await startEdge(t, memoryWorld(), { env });
    const client = await ProtocolClient.open(t, edge);
    assert.deepEqual((await client.call({ connect: {} }))['error'], { code: 1_000, message: 'no' });
    await backend.stop();
    const { error } = await client.call({ connect: {} });
    assert.deepEqual(error, { code: 100, message: 'internal server error', temporary: true });
    await backend.listen();
    backend.answering = () => ({ result: { user: 'ann', expire_at: nowSeconds() - 1 } });
    assert.equal(await client.errorOf({ connect: {} }), 110);
    backend.answering = () => ({ result: { user: 'ann', channels: ['nobody:x'] } });
    assert.equal(await client.errorOf({ connect: {} }), 102);
    backend.answering = () => ({ disconnect: { code: 4_500, reason: 'banned' } });
    client.send({ connect: {} });
    assert.deepEqual(await client.closed, { code: 4_500, reason: 'banned' });
    assert.equal(await metric(edge, 'pharos_edge_command_errors_total', { code: 'other' }), 1);
    assert.equal(await metric(edge, 'pharos_edge_proxy_calls_total', { kind: 'connect', outcome: 'unreachable' }), 1);
  });

  test('no result: as without a backend; a token: the backend is not asked, and gets its meta later', async (t) => {
    const { backend, env } = await startBackend(t, () => ({}), {
      connect: true,
      each: { INCLUDE_CONNECTION_META: 'true' },
    });
    const secret = 'a secret of the backend and of Pharos';
    const edge = await startEdge(t, memoryWorld(), { env: { ...env, PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret } });
    assert.equal(await (await ProtocolClient.open(t, edge)).errorOf({ connect: {} }), 0);
    assert.equal(backend.requests.items.length, 1);
    const token = await new SignJWT({ sub: 'ann', meta: { role: 'x' } })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(secret));
    const client = await ProtocolClient.connect(t, edge, { token });
    assert.deepEqual((await client.call({ rpc: { method: 'm' } }))['rpc'], {});
    assert.deepEqual(backend.requests.items[1]?.json, {
      ...{ client: client.id, ...who, user: 'ann', method: 'm', meta: { role: 'x' } },
    });
    const closed = await startEdge(t, memoryWorld(), {
      env: { ...env, PHAROS_CHAT_ENABLED: 'false', PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false' },
    });
    assert.equal(await (await ProtocolClient.open(t, closed)).errorOf({ connect: {} }), 101);
  });
});

test('the backend knows what the client came over, and headers of requests', async (t) => {
  const { backend, env } = await startBackend(t, () => ({ result: { user: 'ann' } }), {
    connect: true,
    each: { HTTP_HEADERS: 'X-Mine' },
  });
  const edge = await startEdge(t, memoryWorld(), { env: { ...env, PHAROS_UNI_HTTP_STREAM_ENABLED: 'true' } });
  for (const path of ['http_stream', 'uni_http_stream']) {
    const body = path === 'http_stream' ? { id: 1, connect: {} } : {};
    const asked = { method: 'POST', body: JSON.stringify(body), headers: { 'X-Mine': path } };
    const client = await StreamClient.open(t, edge.port, `/connection/${path}`, asked);
    await client.messages.waitForCount(1);
  }
  const seen = backend.requests.items.map(({ headers, json }) => [headers['x-mine'], json['transport']]);
  assert.deepEqual(seen, [
    ['http_stream', 'http_stream'],
    ['uni_http_stream', 'uni_http_stream'],
  ]);
});

describe('subscribing through the backend', () => {
  test('it says who may, and with what; names of channels and tokens go before it', async (t) => {
    const { backend, env } = await startBackend(
      t,
      ({ json }) =>
        json['channel'] === 'closed'
          ? { error: { code: 403, message: 'not you' } }
          : { result: { info: { seat: 1 }, b64data: Buffer.from('text').toString('base64') } },
      { channels: ['SUBSCRIBE'] },
    );
    const edge = await startEdge(t, memoryWorld(), {
      env: { ...env, PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_USER_LIMITED_CHANNELS: 'true' },
    });
    const client = await ProtocolClient.connect(t, edge);
    const { subscribe } = await client.subscribe('open', { data: { ask: 1 } });
    assert.equal((subscribe as Json)['data'], 'text');
    assert.deepEqual(backend.requests.items[0]?.json, {
      ...{ client: client.id, ...who, user: '', channel: 'open', data: { ask: 1 } },
    });
    assert.deepEqual((await client.subscribe('closed'))['error'], { code: 403, message: 'not you' });
    assert.equal(await client.errorOf({ publish: { channel: 'open', data: 1 } }), 0);
    for (const channel of ['$private', 'dialog#ann,bob']) {
      assert.equal(await client.errorOf({ subscribe: { channel } }), 103, channel);
    }
    assert.equal(await client.errorOf({ subscribe: { channel: 'open' } }), 105);
    assert.equal(backend.requests.items.length, 2);
    backend.answering = () => ({ result: { expire_at: nowSeconds() - 10 } });
    assert.equal(await client.errorOf({ subscribe: { channel: 'late' } }), 110);
    backend.answering = () => ({ disconnect: { code: 4_000, reason: 'go' } });
    client.send({ subscribe: { channel: 'other' } });
    assert.deepEqual(await client.closed, { code: 4_000, reason: 'go' });
    assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 0);
  });
});

describe('publishing through the backend', () => {
  test('it says whether, and may say what, with tags and without history', async (t) => {
    const { backend, env } = await startBackend(
      t,
      ({ json }) =>
        json['data'] === 'bad'
          ? { error: { code: 400, message: 'bad words' } }
          : { result: { data: { clean: true }, tags: { lang: 'en' } } },
      { channels: ['PUBLISH'] },
    );
    const edge = await startEdge(t, memoryWorld(), {
      env: { ...env, PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_ANONYMOUS: 'false' },
    });
    const client = await ProtocolClient.connect(t, edge);
    await client.subscribe('room');
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 'bad' } }), 400);
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 'good' } }), 0);
    const [publication] = await client.publications.waitForCount(1);
    assert.deepEqual([publication?.data, publication?.tags], [{ clean: true }, { lang: 'en' }]);
    const asked = { client: client.id, ...who, user: '', channel: 'room', data: 'good' };
    assert.deepEqual(backend.requests.items[1]?.json, asked);
    backend.answering = () => ({});
    await client.publish('room', 'as it is');
    backend.answering = () => ({ result: { tags: { 'pharos-user': 'root' } } });
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 1 } }), 100);
    await backend.stop();
    assert.equal(await client.errorOf({ publish: { channel: 'room', data: 1 } }), 100);
    await client.publications.waitForCount(2);
    assert.deepEqual(client.dataOf('room'), [{ clean: true }, 'as it is']);
  });

  test('in the order in which it was sent, however long the backend takes; others are not held up', async (t) => {
    const held = new Collector<() => void>();
    const { backend, env } = await startBackend(
      t,
      ({ json }) => (json['data'] === 'slow' ? new Promise((resolve) => held.add(() => resolve({}))) : {}),
      { channels: ['PUBLISH'] },
    );
    const edge = await startEdge(t, memoryWorld(), { env });
    const [client, other] = [await ProtocolClient.connect(t, edge), await ProtocolClient.connect(t, edge)];
    await client.subscribe('room');
    const ids = client.send(
      ...['slow', 1, 2].map((data) => ({ publish: { channel: 'room', data } })),
      { subscribe: { channel: 'behind' } },
      { rpc: { method: 'm', data: 'behind' } },
    );
    const [release] = await held.waitForCount(1);
    await other.publish('room', 'other');
    await client.publications.waitForCount(1);
    assert.equal(
      client.messages.items.some(({ id }) => ids.includes(id as number)),
      false,
    );
    release?.();
    for (const id of ids) await client.reply(id);
    await client.publications.waitForCount(4);
    assert.deepEqual(client.dataOf('room'), ['other', 'slow', 1, 2]);
    const asked = backend.requests.items
      .filter(({ json }) => json['client'] === client.id)
      .map(({ json }) => json['data']);
    assert.deepEqual(asked, ['slow', 1, 2, 'behind']);
  });

  test('a drain lets the backend answer what it was asked, and has that published', async (t) => {
    const held = new Collector<() => void>();
    const { env } = await startBackend(t, () => new Promise<Json>((resolve) => held.add(() => resolve({}))), {
      channels: ['PUBLISH'],
    });
    const world = memoryWorld();
    const edge = await startEdge(t, world, { env });
    const [client, other] = [await ProtocolClient.connect(t, edge), await ProtocolClient.connect(t, edge)];
    const [publish] = client.send({ publish: { channel: 'room', data: 1 } });
    const [rpc] = other.send({ rpc: { method: 'm' } });
    const releases = await held.waitForCount(2);
    const drained = edge.edge.drain();
    for (const release of releases) release();
    assert.deepEqual((await client.reply(publish as number))['publish'], {});
    assert.deepEqual((await other.reply(rpc as number))['rpc'], {});
    for (const each of [client, other]) assert.equal((await each.closed).code, 3001);
    await drained;
  });

  test('client.concurrency: several at a time', async (t) => {
    const held = new Collector<() => void>();
    const answering = () => new Promise<Json>((resolve) => held.add(() => resolve({})));
    const { env } = await startBackend(t, answering);
    const edge = await startEdge(t, memoryWorld(), { env: { ...env, PHAROS_CLIENT_CONCURRENCY: '2' } });
    const client = await ProtocolClient.connect(t, edge);
    const ids = client.send(...[1, 2, 3].map((data) => ({ rpc: { method: 'm', data } })), { ping: {} });
    const [first, second] = await held.waitForCount(2);
    second?.();
    await client.reply(ids[1] as number);
    const [, , third] = await held.waitForCount(3);
    third?.();
    await client.reply(ids[2] as number);
    await client.reply(ids[3] as number);
    first?.();
    await client.reply(ids[0] as number);
  });

  test('what waits behind a slow backend is bounded, in number and bytes', async (t) => {
    const { backend, env } = await startBackend(t, () => () => undefined);
    const edge = await startEdge(t, memoryWorld(), {
      env: { ...env, PHAROS_CLIENT_QUEUE_MAX_SIZE: '64KiB', PHAROS_CLIENT_CHANNEL_LIMIT: '10' },
    });
    const client = await ProtocolClient.connect(t, edge);
    const [, ...many] = client.send(...Array.from({ length: 258 + 10 }, () => ({ rpc: { method: 'm' } })));
    await backend.requests.waitForCount(1);
    assert.deepEqual((await client.reply(many[256 + 10] as number))['error'], {
      ...{ code: 111, message: 'too many requests', temporary: true },
    });
    const other = await ProtocolClient.connect(t, edge);
    other.send({ rpc: { method: 'm' } });
    const large = 'x'.repeat(40_000);
    other.send({ rpc: { method: 'm', data: large } });
    assert.equal(await other.errorOf({ rpc: { method: 'm', data: large } }), 111);
    // Nor are fewer bytes counted for what comes in a frame with much that isn't kept.
    const third = await ProtocolClient.connect(t, edge);
    third.send({ rpc: { method: 'm' } });
    const padding = '\n{}'.repeat(500);
    for (const id of [101, 102]) third.ws.send(JSON.stringify({ id, rpc: { method: 'm', data: large } }) + padding);
    assert.equal(((await third.reply(102))['error'] as Json)['code'], 111);
  });
});

describe('methods of the application', () => {
  test('by their namespaces: unknown, off, asked; ping without a backend', async (t) => {
    const { backend, env } = await startBackend(t, ({ json }) => ({ result: { data: { called: json['method'] } } }));
    const rpc = {
      PHAROS_RPC_WITHOUT_NAMESPACE_PROXY_ENABLED: 'false',
      PHAROS_RPC_PING_ENABLED: 'true',
      PHAROS_PROXIES: JSON.stringify([{ name: 'own', endpoint: backend.url('/own') }]),
      PHAROS_RPC_NAMESPACES: JSON.stringify([
        { name: 'a', proxy_enabled: true },
        { name: 'b', proxy_enabled: true, proxy_name: 'own' },
        { name: 'off' },
      ]),
    };
    const edge = await startEdge(t, memoryWorld(), { env: { ...env, ...rpc } });
    const client = await ProtocolClient.connect(t, edge);
    for (const method of ['a:get', 'b:get']) {
      assert.deepEqual((await client.call({ rpc: { method } }))['rpc'], { data: { called: method } });
    }
    assert.deepEqual(
      backend.requests.items.map(({ path }) => path),
      ['/rpc', '/own'],
    );
    assert.equal(await client.errorOf({ rpc: { method: 'off:get' } }), 108);
    assert.equal(await client.errorOf({ rpc: { method: 'get' } }), 108);
    assert.equal(await client.errorOf({ rpc: { method: 'c:get' } }), 104);
    assert.deepEqual((await client.call({ rpc: { method: 'ping' } }))['rpc'], {});
    backend.answering = () => ({ result: { data: 'x'.repeat(600_000) } });
    assert.equal(await client.errorOf({ rpc: { method: 'a:get' } }), 106);
  });

  test('the official SDK: in JSON, and in Protobuf with bytes of any kind', async (t) => {
    const { backend, env } = await startBackend(t, ({ json }) => ({ result: { data: { got: json['data'] } } }));
    const edge = await startEdge(t, memoryWorld(), { env });
    const json = new Centrifuge(edge.webSocketUrl, { websocket: WebSocket });
    t.after(() => json.disconnect());
    json.connect();
    assert.deepEqual((await json.rpc('m', { a: 1 })).data, { got: { a: 1 } });
    backend.answering = () => ({ error: { code: 1_234, message: 'mine' } });
    await assert.rejects(json.rpc('m', 1), { code: 1_234, message: 'mine' });

    const bytes = Buffer.from([0, 1, 255]);
    const reply = { result: { b64data: bytes.toString('base64') } };
    const { env: binaryEnv, backend: binary } = await startBackend(t, () => reply, {
      each: { BINARY_ENCODING: 'true' },
    });
    const binaryEdge = await startEdge(t, memoryWorld(), { env: binaryEnv });
    const protobuf = new Protobuf(binaryEdge.webSocketUrl, { websocket: WebSocket });
    t.after(() => protobuf.disconnect());
    protobuf.connect();
    const result = await protobuf.rpc('m', bytes);
    assert.deepEqual(Buffer.from(result.data as Uint8Array), bytes);
    const [asked] = binary.requests.items;
    assert.deepEqual(
      [asked?.json['protocol'], asked?.json['encoding'], asked?.json['b64data']],
      ['protobuf', 'binary', bytes.toString('base64')],
    );
    // In JSON what is none travels as publications do.
    const other = await ProtocolClient.connect(t, binaryEdge);
    assert.deepEqual((await other.call({ rpc: { method: 'm' } }))['rpc'], { data: bytes.toString('base64') });
  });

  test('send has nobody who takes it: the connection ends, as with the official server', async (t) => {
    const edge = await startEdge(t, memoryWorld());
    for (const Sdk of [Centrifuge, Protobuf]) {
      const client = new Sdk(edge.webSocketUrl, { websocket: WebSocket });
      t.after(() => client.disconnect());
      const left = new Promise<number>((resolve) => client.on('disconnected', ({ code }) => resolve(code)));
      client.connect();
      await client.ready();
      await client.send(Buffer.from('1'));
      assert.equal(await left, 3508);
    }
  });
});
