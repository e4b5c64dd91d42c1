import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { type JWTPayload, SignJWT } from 'jose';
import { type Json, ProtocolClient, TextClient } from './support/clients.ts';
import type { TestEdge } from './support/edge.ts';
import { type Push, statusAt, StreamClient } from './support/http-clients.ts';
import { metric, untilIdle, untilMetric } from './support/metrics.ts';
import { memoryWorld, socketServers, startEdge, startOutsider, withoutPings } from './support/world.ts';

const secret = 'a secret of the backend and of Pharos';

const env = {
  PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret,
  PHAROS_UNI_WEBSOCKET_ENABLED: 'true',
  PHAROS_UNI_SSE_ENABLED: 'true',
  PHAROS_UNI_HTTP_STREAM_ENABLED: 'true',
  PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY: 'true',
  ...withoutPings,
};

function sign(claims: JWTPayload): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
}

/** A client of any unidirectional endpoint. */
interface UniClient {
  push(test: (push: Push) => boolean, what: string): Promise<Push>;
  readonly all: readonly Push[];
  leave(): void;
}

type Connect = (t: TestContext, edge: TestEdge, request: Json) => Promise<UniClient>;

function ofStream(client: StreamClient): UniClient {
  return {
    push: (looksRight, what) => client.push(looksRight, what),
    get all(): readonly Push[] {
      return client.messages.items;
    },
    leave: () => client.leave(),
  };
}

function ofSocket(client: TextClient): UniClient {
  const all = (): Push[] => client.received.items.map((text) => JSON.parse(text) as Push);
  return {
    push: async (looksRight, what) => {
      await client.received.waitUntil(() => all().some(looksRight), what);
      return all().find(looksRight) as Push;
    },
    get all(): readonly Push[] {
      return all();
    },
    leave: () => client.ws.terminate(),
  };
}

const query = (request: Json): string => `cf_connect=${encodeURIComponent(JSON.stringify(request))}`;
const webSocket = (edge: TestEdge): string => `ws://127.0.0.1:${edge.port}/connection/uni_websocket`;

const ways: Readonly<Record<string, Connect>> = {
  uni_sse: async (t, edge, request) =>
    ofStream(await StreamClient.open(t, edge.port, `/connection/uni_sse?${query(request)}`)),
  uni_http_stream: async (t, edge, request) => {
    const asked = { method: 'POST', body: JSON.stringify(request) };
    return ofStream(await StreamClient.open(t, edge.port, '/connection/uni_http_stream', asked));
  },
  uni_websocket: async (t, edge, request) => {
    const client = await TextClient.open(t, webSocket(edge));
    client.send(JSON.stringify(request));
    return ofSocket(client);
  },
};

const isConnect = ({ connect }: Push): boolean => connect !== undefined;
const dataIs =
  (data: unknown) =>
  ({ pub }: Push): boolean =>
    pub !== undefined && JSON.stringify(pub.data) === JSON.stringify(data);

for (const socket of socketServers) {
  describe(`unidirectional clients on ${socket}`, { concurrency: true }, () => {
    for (const [name, connect] of Object.entries(ways)) {
      test(`${name}: pushes and nothing else, from the connect push to the disconnect push; what was missed comes first`, async (t) => {
        const world = memoryWorld();
        const edge = await startEdge(t, world, { socket, env });
        const outsider = await startOutsider(t, world);
        const token = await sign({ sub: 'ann', subs: { room: {} } });
        const other = await ProtocolClient.connect(t, edge);
        await other.subscribe('room');
        const client = await connect(t, edge, { token });
        const first = await client.push(isConnect, 'the connect push');
        assert.deepEqual(client.all[0], first);
        const subs = first.connect?.['subs'] as Record<string, { offset?: number; epoch: string }> | undefined;
        const { epoch, offset = 0 } = subs?.['room'] ?? { epoch: '' };
        assert.deepEqual(
          [first.connect?.['ping'], first.connect?.['pong'], first.connect?.['session']],
          [600, undefined, undefined],
        );
        // Line ends that JSON takes for space must not become line ends of the stream.
        await outsider.append('room', '{"a":\r1,\r"b":"x\\r\\ndata: {}"}');
        const push = await client.push(dataIs({ a: 1, b: 'x\r\ndata: {}' }), 'a publication');
        assert.deepEqual(Object.keys(push), ['channel', 'pub']);
        assert.equal(push.channel, 'room');
        assert.deepEqual((await other.publications.waitForCount(1))[0]?.data, push.pub?.data);
        client.leave();
        await untilMetric(edge, 'pharos_edge_connections', 1);
        await outsider.append('room', '"missed"');
        await other.publications.waitForCount(2);
        const back = await connect(t, edge, { token, subs: { room: { recover: true, epoch, offset } } });
        const again = await back.push(isConnect, 'the connect push');
        const { recovered, publications } =
          (again.connect?.['subs'] as Record<string, Json> | undefined)?.['room'] ?? {};
        assert.equal(recovered, true);
        assert.deepEqual(
          (publications as { data: unknown }[]).map(({ data }) => data),
          [{ a: 1, b: 'x\r\ndata: {}' }, 'missed'],
        );
        await edge.edge.drain();
        const { disconnect } = await back.push((each) => each.disconnect !== undefined, 'the disconnect push');
        assert.deepEqual(disconnect, { code: 3001, reason: 'shutdown', reconnect: true });
        await untilIdle(edge);
      });

      test(`${name}: an error of the connect is the end, and says which`, async (t) => {
        const edge = await startEdge(t, memoryWorld(), {
          socket,
          env: { ...env, PHAROS_CHAT_ENABLED: 'false', PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false' },
        });
        const expired = await sign({ sub: 'ann', exp: Math.floor(Date.now() / 1_000) - 1 });
        const nowhere = await sign({ sub: 'ann', channels: ['nowhere:room'] });
        const cases: [Json, number][] = [
          [{}, 3507],
          [{ token: 'a.b.c' }, 3500],
          [{ token: expired }, 3005],
          [{ token: nowhere }, 3501],
        ];
        for (const [request, code] of cases) {
          const client = await connect(t, edge, request);
          const { disconnect } = await client.push((push) => push.disconnect !== undefined, 'the disconnect push');
          assert.equal(disconnect?.code, code);
          assert.equal(client.all.length, 1);
        }
        await untilIdle(edge);
      });
    }

    test('pings go on though nobody answers them', async (t) => {
      const pinging = { ...env, PHAROS_CLIENT_PING_INTERVAL: '1s', PHAROS_CLIENT_PONG_TIMEOUT: '1s' };
      const edge = await startEdge(t, memoryWorld(), { socket, env: pinging });
      const clients = await Promise.all(Object.values(ways).map((connect) => connect(t, edge, {})));
      const isPing = (push: Push): boolean => Object.keys(push).length === 0;
      for (const client of clients) {
        await client.push(() => client.all.filter(isPing).length >= 3, 'three pings');
        assert.equal(client.all.length, 1 + client.all.filter(isPing).length);
      }
    });

    test('requests that are none, and endpoints that are off', async (t) => {
      const edge = await startEdge(t, memoryWorld(), { socket, env });
      for (const text of ['x', '[]', '{"token":1}', '{"subs":[]}']) {
        const asked = { method: 'POST', body: text };
        assert.equal(
          await statusAt(edge.port, `/connection/uni_sse?cf_connect=${encodeURIComponent(text)}`),
          400,
          text,
        );
        assert.equal(await statusAt(edge.port, '/connection/uni_http_stream', asked), 400, text);
        const url = `${webSocket(edge)}?cf_connect=${encodeURIComponent(text)}`;
        await assert.rejects(TextClient.open(t, url), /400/);
        const client = await TextClient.open(t, webSocket(edge));
        client.send(text);
        assert.deepEqual(await client.closed, { code: 3501, reason: 'bad request' });
      }
      const byBody = await StreamClient.open(t, edge.port, '/connection/uni_sse', { method: 'POST', body: 'null' });
      await byBody.push(isConnect, 'the connect push');
      const byQuery = ofSocket(await TextClient.open(t, `${webSocket(edge)}?cf_connect={}`));
      await byQuery.push(isConnect, 'the connect push');
      // What comes behind the request is passed over.
      const client = await TextClient.open(t, webSocket(edge));
      client.send('{}');
      client.send('{"id":2,"subscribe":{"channel":"room"}}');
      client.send('x');
      const answered = Promise.race([once(client.ws, 'pong').then(() => 'pong'), client.closed]);
      client.ws.ping();
      assert.equal(await answered, 'pong');
      await client.received.waitForCount(1);
      assert.ok(isConnect(JSON.parse(client.received.items[0] ?? '') as Push));
      assert.equal(await metric(edge, 'pharos_edge_subscriptions'), 0);
      const closed = await startEdge(t, memoryWorld(), {
        socket,
        env: { PHAROS_SSE_ENABLED: 'false', PHAROS_HTTP_STREAM_ENABLED: 'false' },
      });
      for (const path of ['uni_sse', 'uni_http_stream', 'sse', 'http_stream']) {
        assert.equal(await statusAt(closed.port, `/connection/${path}`), 404, path);
      }
      assert.equal(await statusAt(closed.port, '/emulation', { method: 'POST' }), 404);
    });
  });
}
