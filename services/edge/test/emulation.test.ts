import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { encodeMessage, sessionDigest, type Target } from '@pharos/control';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { Collector, eventually } from '@pharos/testkit';
import { KnownEdges } from '../src/control/known-edges.ts';
import { Emulation } from '../src/emulation/emulation.ts';
import { newSecret, newSessionKey } from '../src/emulation/session-secret.ts';
import { EdgeMetrics } from '../src/metrics.ts';
import { type TestEdge, testConfig } from './support/edge.ts';
import { ask, type Asked, emulate, headAt, statusAt, StreamClient } from './support/http-clients.ts';
import { metric, untilIdle, untilMetric } from './support/metrics.ts';
import { memoryWorld, socketServers, startEdge, startOutsider, withoutPings } from './support/world.ts';

const requests = 'pharos_edge_emulation_requests_total';
const connect = JSON.stringify({ id: 1, connect: {} });
const sse = `/connection/sse?cf_connect=${encodeURIComponent(connect)}`;

/** A TCP connection that has sent `text`, and doesn't read unless it is told to. */
function sent(t: TestContext, edge: TestEdge, text: string): Socket {
  const tcp = connectTcp(edge.port, '127.0.0.1');
  t.after(() => tcp.destroy());
  tcp.on('error', () => undefined);
  tcp.write(text);
  return tcp;
}

function statusOf(edge: TestEdge, path: string, asked: Asked): Promise<number> {
  return statusAt(edge.port, path, asked);
}

const post = (body: string | Uint8Array, headers: Record<string, string> = {}): Asked => ({
  method: 'POST',
  body,
  headers,
});

for (const socket of socketServers) {
  describe(`commands by requests, on ${socket}`, () => {
    test('are carried out in the order in which they were posted, on another edge too', async (t) => {
      const world = memoryWorld();
      const [one, two] = [
        await startEdge(t, world, { socket, env: withoutPings }),
        await startEdge(t, world, { socket, env: withoutPings }),
      ] as const;
      const client = await StreamClient.connect(t, one.port, 'sse');
      await client.call({ subscribe: { channel: 'room' } });
      const { node, session } = client.connected;
      for (let n = 0; n < 50; n++) {
        // Each is taken when it is answered, and its reply is not waited for.
        const status = await emulate(two.port, node, session, { id: 100 + n, publish: { channel: 'room', data: n } });
        assert.equal(status, 204);
      }
      await client.messages.waitUntil(() => client.dataOf('room').length === 50, 'what was published');
      assert.deepEqual(
        client.dataOf('room'),
        Array.from({ length: 50 }, (_, n) => n),
      );
      assert.equal(await emulate(one.port, node, session, { id: 200, ping: {} }, { id: 201, ping: {} }), 204);
      await client.reply(201);
      assert.equal(await metric(two, requests, { outcome: 'handed' }), 50);
      assert.equal(await metric(one, requests, { outcome: 'taken' }), 2);
    });

    test('a command of the server API that names the session concerns it alone, on whichever edge it is', async (t) => {
      const world = memoryWorld();
      const [one, two] = [await startEdge(t, world, { socket }), await startEdge(t, world, { socket })] as const;
      const [client, other] = [
        await StreamClient.connect(t, one.port, 'http_stream'),
        await StreamClient.connect(t, two.port, 'sse'),
      ];
      const bus = world.bus();
      t.after(() => bus.close());
      const { topic } = testConfig({}).control;
      const commands = await bus.openLog({ topic });
      const send = (code: number, target: Partial<Target>): Promise<unknown> => {
        const whole = { user: '', client: '', session: '', ...target };
        const message = { do: 'disconnect', target: whole, code, reason: 'r', whitelist: [] } as const;
        return commands.append({ channel: 'any', data: encodeMessage(message) }, 60_000);
      };
      const { session } = client.connected;
      const others = other.connected['client'] as string;
      await send(4001, { session });
      await send(4001, { session: sessionDigest(session), client: others });
      await send(4001, { session: sessionDigest(session), user: 'ann' });
      await send(4000, { session: sessionDigest(session) });
      await send(4002, { session: sessionDigest(other.connected.session), client: others });
      assert.deepEqual([(await client.disconnect()).code, (await other.disconnect()).code], [4000, 4002]);
    });

    test('of no session, of a session that ended, of an edge that is not there or went: 404', async (t) => {
      const world = memoryWorld();
      const [one, two] = [
        await startEdge(t, world, { socket, env: withoutPings }),
        await startEdge(t, world, { socket, env: withoutPings }),
      ] as const;
      const client = await StreamClient.connect(t, one.port, 'http_stream');
      const { node, session } = client.connected;
      assert.equal(Buffer.from(session, 'base64url').length, 24);
      const ping = { id: 7, ping: {} };
      for (const edge of [one, two]) {
        for (const wrong of ['', session.slice(1), `${session}x`, client.connected['client'] as string]) {
          assert.equal(await emulate(edge.port, node, wrong, ping), 404, wrong);
        }
        assert.equal(await emulate(edge.port, 'x'.repeat(1000), session, ping), 404);
      }
      // Of the right form, and none that edge one has given out: edge two says so by itself.
      const others = await StreamClient.connect(t, two.port, 'sse');
      const changed = session.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
      const forged = [randomBytes(24).toString('base64url'), changed, others.connected.session, '\u{e9}'.repeat(32)];
      for (const made of forged) assert.equal(await emulate(two.port, node, made, ping), 404);
      assert.equal(await emulate(two.port, node, session, ping), 204);
      await client.reply(7);
      const outcome = (of: string): Promise<number> => metric(two, requests, { outcome: of });
      assert.deepEqual([await outcome('forged'), await outcome('no_session')], [3, 5]);
      // Commands are taken in the order in which they were put into the inbox.
      assert.equal(await metric(one, 'pharos_edge_control_total', { command: 'commands' }), 1);
      others.leave();
      const gone = await StreamClient.connect(t, one.port, 'http_stream');
      gone.leave();
      await untilMetric(one, 'pharos_edge_connections', 1);
      assert.equal(await emulate(two.port, node, gone.connected.session, ping), 404);
      await one.edge.drain();
      await one.stop();
      await eventually(
        async () => ((await emulate(two.port, node, session, ping)) === 404 ? true : undefined),
        'the end of an edge',
      );
      assert.equal(await metric(two, requests, { outcome: 'no_edge' }), 2);
    });

    test('that are none: 400, 413, or the end of their session; nobody else is concerned', async (t) => {
      const edge = await startEdge(t, memoryWorld(), {
        socket,
        env: { ...withoutPings, PHAROS_EMULATION_MAX_REQUEST_BODY_SIZE: '2000' },
      });
      const [bad, good] = [
        await StreamClient.connect(t, edge.port, 'sse'),
        await StreamClient.connect(t, edge.port, 'sse'),
      ];
      const protobuf = { 'content-type': 'application/octet-stream' };
      for (const body of ['', 'x', '[]', 'null', '{"node":1}', '{"data":{}}', Buffer.from([0x7b, 0xff, 0x7d])]) {
        assert.equal(await statusOf(edge, '/emulation', post(body)), 400, String(body));
      }
      assert.equal(await statusOf(edge, '/emulation', post(Buffer.from([0x0a, 0xff, 1]), protobuf)), 400);
      assert.equal(await statusOf(edge, '/emulation', post('x'.repeat(2_001))), 413);
      assert.equal(await statusOf(edge, '/emulation', {}), 405);
      const { node, session } = bad.connected;
      const data = Buffer.from('not commands');
      const field = (number: number, value: Buffer): Buffer =>
        Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
      const whole = Buffer.concat([field(1, Buffer.from(node)), field(2, Buffer.from(session)), field(3, data)]);
      assert.equal(await statusOf(edge, '/emulation', post(whole, protobuf)), 204);
      assert.deepEqual(await bad.disconnect(), { code: 3501, reason: 'bad request' });
      await bad.ended;
      assert.equal(await metric(edge, 'pharos_edge_connections_closed_total', { transport: 'sse', code: '3501' }), 1);
      assert.equal((await good.call({ ping: {} }))['id'], 2);
      assert.equal(await metric(edge, requests, { outcome: 'invalid' }), 8);
      assert.equal(await metric(edge, requests, { outcome: 'too_large' }), 1);
    });
  });

  describe(`connections by requests, on ${socket}`, () => {
    test('that begin with anything but a connect command end at once, and say why', async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket, env: withoutPings });
      const stream = '/connection/http_stream';
      for (const body of ['x', '{}', '{"id":1,"ping":{}}', '{"id":1,"connect":{}', '\0']) {
        const client = await StreamClient.open(t, edge.port, stream, post(body));
        assert.deepEqual(await client.disconnect(), { code: 3501, reason: 'bad request' }, body);
        await client.ended;
      }
      assert.equal(await statusOf(edge, stream, post('')), 400);
      assert.equal(await statusOf(edge, '/connection/sse', {}), 400);
      assert.equal(await statusOf(edge, stream, post('x'.repeat(65_537))), 413);
      const long = JSON.stringify({ id: 1, connect: { data: 'x'.repeat(65_510) } });
      assert.equal(await statusOf(edge, `/connection/sse?cf_connect=${long}`, {}), 414);
      assert.equal(await statusOf(edge, `/connection/sse?cf_connect=${long.replace('xxxx', '')}`, {}), 200);
      assert.equal(await statusOf(edge, stream, {}), 405);
      assert.equal(await statusOf(edge, sse, { method: 'HEAD' }), 405);
      const token = JSON.stringify({ id: 1, connect: { token: 'a.b.c' } });
      const forged = await StreamClient.open(t, edge.port, '/connection/sse', post(token));
      assert.deepEqual(await forged.disconnect(), { code: 3500, reason: 'invalid token' });
      await untilIdle(edge);
    });

    test('of pages: of allowed origins, who may read the answers, and of no others', async (t) => {
      const origin = 'https://app.example.com';
      const edge = await startEdge(t, memoryWorld(), {
        socket,
        env: { ...withoutPings, PHAROS_CLIENT_ALLOWED_ORIGINS: `["${origin}"]` },
      });
      const evil = { origin: 'https://evil.example' };
      for (const path of [sse, '/connection/http_stream', '/emulation']) {
        const asked = path === sse ? {} : post(connect);
        for (const headers of [
          evil,
          { origin: 'null' },
          { 'sec-fetch-site': 'cross-site' },
          { host: 'rebound.example' },
        ]) {
          const answer = await headAt(edge.port, path, { ...asked, headers });
          assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
          assert.equal(answer.headers['access-control-allow-origin'], undefined);
        }
        const preflight = {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-headers': 'content-type,x-a' },
        };
        const allowed = await ask(edge.port, path, preflight);
        assert.equal(allowed.status, 204);
        assert.equal(allowed.headers['access-control-allow-origin'], origin);
        assert.equal(allowed.headers['access-control-allow-headers'], 'content-type,x-a');
        assert.match(allowed.headers['access-control-allow-methods'] ?? '', /POST/);
        assert.equal(allowed.headers.vary, 'Origin');
        assert.equal(await statusOf(edge, path, { method: 'OPTIONS', headers: evil }), 403);
      }
      const client = await StreamClient.open(t, edge.port, sse, { headers: { origin } });
      assert.equal(client.incoming.headers['access-control-allow-origin'], origin);
      const answer = await ask(edge.port, '/emulation', post('{}', { origin }));
      assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [404, origin]);
      const tooLarge = await ask(edge.port, '/emulation', post('x'.repeat(70_000), { origin }));
      assert.deepEqual([tooLarge.status, tooLarge.headers['access-control-allow-origin']], [413, origin]);
    });

    test('count among those of their address, from before their body is there', async (t) => {
      const env = { ...withoutPings, PHAROS_CLIENT_ADDRESS_CONNECTION_LIMIT: '2' };
      const edge = await startEdge(t, memoryWorld(), { socket, env });
      const client = await StreamClient.connect(t, edge.port, 'sse');
      const silent = sent(
        t,
        edge,
        'POST /connection/http_stream HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n',
      );
      await untilRefused(edge);
      silent.destroy();
      const second = await untilTaken(t, edge);
      await untilRefused(edge);
      client.leave();
      second.leave();
      await untilIdle(edge);
      await StreamClient.connect(t, edge.port, 'http_stream');
    });

    test('whose clients do not read are ended at the limit of their queue; the others get everything', async (t) => {
      const env = { ...withoutPings, PHAROS_CLIENT_QUEUE_MAX_SIZE: '1MiB' };
      const world = memoryWorld();
      const edge = await startEdge(t, world, { socket, env });
      const outsider = await startOutsider(t, world);
      const reader = await StreamClient.connect(t, edge.port, 'sse');
      await reader.call({ subscribe: { channel: 'room' } });
      const commands = `${connect}\n${JSON.stringify({ id: 2, subscribe: { channel: 'room' } })}`;
      const path = '/connection/http_stream';
      const tcp = sent(
        t,
        edge,
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: ${commands.length}\r\n\r\n${commands}`,
      );
      await untilMetric(edge, 'pharos_edge_subscriptions', 2);
      const closed = new Collector<true>();
      tcp.on('close', () => closed.add(true));
      const filler = 'x'.repeat(100_000);
      const slow = (): Promise<number> =>
        metric(edge, 'pharos_edge_slow_connections_total', { transport: 'http_stream' });
      let count = 0;
      // More than kernels buffer for a connection on this machine; each is read by the reader first, which must keep up.
      for (; count < 1_000 && (await slow()) === 0; count++) {
        await outsider.append('room', JSON.stringify({ count, filler }));
        await reader.messages.waitUntil(() => reader.dataOf('room').length > count - 4, 'what the reader was sent');
      }
      assert.equal(await slow(), 1);
      await reader.messages.waitUntil(() => reader.dataOf('room').length === count, 'all that was published');
      assert.equal(await metric(edge, 'pharos_edge_connections', { transport: 'http_stream' }), 0);
      // All that was written before is still there to be read, and why nothing follows.
      let tail = '';
      tcp.on('data', (bytes: Buffer) => (tail = (tail + bytes.toString('latin1')).slice(-200)));
      await closed.waitForCount(1);
      assert.match(
        tail,
        /\{"push":\{"disconnect":\{"code":3008,"reason":"slow","reconnect":true\}\}\}\n\r\n0\r\n\r\n$/,
      );
    });
  });
}

test('pings come by the stream and are answered by requests; who does not is ended with 3012', async (t) => {
  const env = { PHAROS_CLIENT_PING_INTERVAL: '2s', PHAROS_CLIENT_PONG_TIMEOUT: '2s' };
  const world = memoryWorld();
  const [one, two] = [await startEdge(t, world, { env }), await startEdge(t, world)] as const;
  const [living, silent] = [
    await StreamClient.connect(t, one.port, 'sse'),
    await StreamClient.connect(t, one.port, 'sse'),
  ];
  const { node, session } = living.connected;
  const answered: Promise<number>[] = [];
  living.onPing = () => answered.push(emulate(two.port, node, session, {}));
  assert.deepEqual(await silent.disconnect(), { code: 3012, reason: 'no pong', reconnect: true });
  await living.messages.waitUntil(() => answered.length >= 2, 'pings');
  assert.deepEqual([...new Set(await Promise.all(answered))], [204]);
  assert.equal(await metric(one, 'pharos_edge_connections', { transport: 'sse' }), 1);
});

test('what waits for the words of other edges is bounded in bytes, and is of what can be a session of theirs', async (t) => {
  const bus = new MemoryBus(new MemoryBroker());
  t.after(() => bus.close());
  const edges = new KnownEdges();
  const emulation = new Emulation({
    node: 'here',
    bus,
    config: testConfig({}).control,
    edges,
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics: new EdgeMetrics(new Metrics(createRegistry({ processMetrics: false }))),
  });
  await emulation.run();
  const data = Buffer.alloc(2 * 1024 * 1024, 'x');
  const hand = (session: string, bytes = data) => emulation.carry({ node: 'there', session, data: bytes });
  assert.equal(await hand('x'.repeat(65_000)), 'no_session');
  const key = newSessionKey();
  edges.heard('there', true, key);
  assert.equal(await hand(newSecret(newSessionKey())), 'forged');
  const ofOlder = 's'.repeat(32);
  const waiting = [hand(newSecret(key)), hand(newSecret(key))];
  // An edge of a version that signs no sessions, as in a rolling upgrade: it looks for itself.
  edges.heard('there', true, Buffer.alloc(0));
  waiting.push(...Array.from({ length: 5 }, () => hand(ofOlder)));
  assert.equal(await hand(ofOlder, Buffer.alloc(data.length + 1)), 'busy');
  await emulation.stop();
  assert.deepEqual([...new Set(await Promise.all(waiting))], ['no_session']);
});

/** Whether one more may come in is looked at until it is as expected: what ends is counted a little later. */
async function untilRefused(edge: TestEdge): Promise<void> {
  const refused = async (): Promise<true | undefined> => ((await statusOf(edge, sse, {})) === 429 ? true : undefined);
  await eventually(refused, 'a refusal');
}

function untilTaken(t: TestContext, edge: TestEdge): Promise<StreamClient> {
  return eventually(() => StreamClient.connect(t, edge.port, 'http_stream'), 'a place');
}
