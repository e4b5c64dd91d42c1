import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  Collector,
  eventually,
  freePort,
  type RedisServer,
  type ServiceProcess,
  sharedPulsar,
  makeDocumentedUsers,
  startRedis,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { type Environment, pharos } from './support/processes.ts';

type Json = Record<string, unknown>;

const key = 'the key of the API';
const secret = 'the secret of the tokens';
const redisPassword = 'the-password-of-redis';

interface Service {
  readonly process: ServiceProcess;
  readonly port: number;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(claims: Json): string {
  const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

describe('the server API over two replicas and two edges, on Pulsar and Redis', {
  skip: unavailable('pulsar') || unavailable('redis'),
  timeout: 300_000,
}, () => {
  const topic = uniqueTopic('server-api');
  const control = uniqueTopic('control');
  const services: ServiceProcess[] = [];
  const clients: Centrifuge[] = [];
  let redis: RedisServer;
  let env: Environment;
  let edges: Service[];
  let apis: Service[];

  async function serve(name: string, more: Environment = {}, kind = 'edge'): Promise<Service> {
    const [port, internalPort] = [await freePort(), await freePort()];
    const own = {
      PHAROS_NAME: name,
      PHAROS_LISTEN: `127.0.0.1:${port}`,
      PHAROS_INTERNAL_LISTEN: `127.0.0.1:${internalPort}`,
      PHAROS_CONTROL_TOPIC: control,
    };
    const process = await pharos(['serve', kind], { ...env, ...own, ...more }, /listens at/);
    services.push(process);
    return { process, port };
  }

  before(async () => {
    const pulsar = await sharedPulsar();
    redis = await startRedis();
    await makeDocumentedUsers(redis.port, redisPassword);
    env = {
      PHAROS_PULSAR_URL: pulsar.serviceUrl,
      PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl,
      PHAROS_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      PHAROS_REDIS_PASSWORD: redisPassword,
      PHAROS_LOG_LEVEL: 'debug',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: topic,
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '1000',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL: '1h',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_PRESENCE: 'true',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT: 'true',
    };
    const ofEdges = {
      PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret,
      PHAROS_DRAIN_TIMEOUT: '200ms',
      PHAROS_REDIS_USERNAME: 'pharos-edge',
    };
    const ofApis = { PHAROS_HTTP_API_KEY: key, PHAROS_REDIS_USERNAME: 'pharos-api' };
    edges = [await serve('edge-1', ofEdges), await serve('edge-2', ofEdges)];
    apis = [await serve('api-1', ofApis, 'api'), await serve('api-2', ofApis, 'api')];
    const internal = {
      PHAROS_INTERNAL_LISTEN: `127.0.0.1:${await freePort()}`,
      PHAROS_REDIS_USERNAME: 'pharos-history',
    };
    services.push(await pharos(['serve', 'history'], { ...env, ...internal }, /logs are followed/));
  });

  after(async () => {
    for (const client of clients) client.disconnect();
    await Promise.all(services.map((service) => service.stop(60_000)));
    await redis.stop();
  });

  async function call(api: Service | undefined, method: string, body: Json): Promise<Json> {
    const response = await fetch(`http://127.0.0.1:${api?.port}/api/${method}`, {
      method: 'POST',
      headers: { 'X-API-Key': key },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Json;
  }

  async function result(replica: number, method: string, body: Json): Promise<Json> {
    const answer = await call(apis[replica], method, body);
    assert.ok(answer['result'], `${method}: ${JSON.stringify(answer)}`);
    return answer['result'] as Json;
  }

  interface Client {
    readonly centrifuge: Centrifuge;
    readonly events: Collector<string>;
    readonly id: string;
  }

  async function connect(edge: number, claims: Json): Promise<Client> {
    const centrifuge = new Centrifuge(`ws://127.0.0.1:${edges[edge]?.port}/connection/websocket`, {
      websocket: WebSocket,
      token: token({ iat: nowSeconds(), ...claims }),
      // Its token is not to be had anew.
      getToken: () => Promise.resolve(''),
    });
    clients.push(centrifuge);
    const events = new Collector<string>();
    centrifuge.on('disconnected', ({ code, reason }) => events.add(`disconnected ${code} ${reason}`));
    centrifuge.on('connecting', ({ code }) => events.add(`connecting ${code}`));
    centrifuge.on('subscribed', ({ channel, data }) => events.add(`subscribed ${channel} ${JSON.stringify(data)}`));
    centrifuge.on('unsubscribed', ({ channel }) => events.add(`unsubscribed ${channel}`));
    centrifuge.on('publication', ({ channel, data }) => events.add(`publication ${channel} ${JSON.stringify(data)}`));
    const connected = new Promise<string>((resolve) => centrifuge.on('connected', ({ client }) => resolve(client)));
    centrifuge.connect();
    return { centrifuge, events, id: await connected };
  }

  const came = (client: Client, event: string | RegExp): Promise<string> =>
    client.events.waitFor(
      (text) => (typeof event === 'string' ? text === event : event.test(text)),
      String(event),
      30_000,
    );

  test('what is published at one replica is history and presence at the other', async () => {
    const { offset, epoch } = await result(0, 'publish', { channel: 'news', data: { n: 1 } });
    const page = await result(1, 'history', { channel: 'news', limit: -1 });
    assert.equal(page['epoch'], epoch);
    assert.deepEqual(
      (page['publications'] as Json[]).map((one) => [one['data'], one['offset']]),
      [[{ n: 1 }, offset]],
    );
    await result(1, 'history_remove', { channel: 'news' });
    assert.deepEqual((await result(1, 'history', { channel: 'news', limit: -1 }))['publications'], []);
  });

  test('connections on both edges are seen, subscribed, taken out of a channel, prolonged and ended', async () => {
    const [one, two] = [await connect(0, { sub: 'ann' }), await connect(1, { sub: 'ann' })];
    const other = await connect(1, { sub: 'bob' });
    const seen = await result(0, 'connections', { user: 'ann' });
    assert.deepEqual(Object.keys(seen['connections'] as Json).sort(), [one.id, two.id].sort());
    assert.equal(seen['partial'], undefined);
    const { nodes } = await result(1, 'info', {});
    assert.deepEqual(
      (nodes as Json[]).map((node) => [node['name'], node['num_clients'], node['num_users']].join(' ')).sort(),
      ['edge-1 1 1', 'edge-2 2 2'],
    );

    await result(0, 'subscribe', { user: 'ann', channel: 'alerts', data: { hello: 1 } });
    for (const client of [one, two]) await came(client, 'subscribed alerts {"hello":1}');
    await result(1, 'publish', { channel: 'alerts', data: 'fire' });
    for (const client of [one, two]) await came(client, 'publication alerts "fire"');
    assert.deepEqual((await result(0, 'channels', { pattern: 'al*' }))['channels'], { alerts: { num_clients: 2 } });
    const members = await eventually(async () => {
      const { presence } = await result(0, 'presence', { channel: 'alerts' });
      return Object.keys(presence as Json).length === 2 ? (presence as Json) : undefined;
    }, 'both members');
    assert.deepEqual(Object.keys(members).sort(), [one.id, two.id].sort());

    await result(1, 'unsubscribe', { user: 'ann', client: one.id, channel: 'alerts' });
    await came(one, 'unsubscribed alerts');
    await result(0, 'publish', { channel: 'alerts', data: 'out' });
    await came(two, 'publication alerts "out"');
    assert.ok(!one.events.items.includes('publication alerts "out"'));

    await result(0, 'disconnect', { user: 'ann', whitelist: [two.id], disconnect: { code: 4501, reason: 'bye' } });
    await came(one, 'disconnected 4501 bye');
    await result(0, 'disconnect', { client: two.id });
    await came(two, 'disconnected 3503 force disconnect');
    assert.deepEqual(
      other.events.items.filter((event) => event.startsWith('disconnected')),
      [],
    );
    assert.equal(other.centrifuge.state, 'connected');
  });

  test('an edge that does not answer in time makes the answer partial, and holds up nobody', async () => {
    const [near, far] = [await connect(0, { sub: 'pat' }), await connect(1, { sub: 'pat' })];
    const seen = async (): Promise<{ ids: string[]; partial: unknown }> => {
      const { connections, partial } = await result(0, 'connections', { user: 'pat' });
      return { ids: Object.keys(connections as Json), partial };
    };
    const whole = async (): Promise<true | undefined> => {
      const { ids, partial } = await seen();
      return ids.length === 2 && partial === undefined ? true : undefined;
    };
    await eventually(whole, 'an answer of both', 30_000);
    edges[1]?.process.pause();
    try {
      await eventually(async () => {
        const { ids, partial } = await seen();
        assert.equal(partial, true);
        assert.ok(!ids.includes(far.id));
        return ids.includes(near.id) ? true : undefined;
      }, 'an answer of the one that is awake');
    } finally {
      edges[1]?.process.resume();
    }
    await eventually(whole, 'an answer of both, again', 30_000);
    for (const { centrifuge } of [near, far]) centrifuge.disconnect();
  });

  test('who is subscribed with a position is sent what it missed, in order and before what comes, where that may be recovered', async () => {
    const seenBy = async (user: string, more: Json): Promise<string[]> => {
      const channel = `feed-${user}`;
      const client = await connect(0, { sub: user });
      const first = await result(0, 'publish', { channel, data: 1 });
      for (const data of [2, 3]) await result(data % 2, 'publish', { channel, data });
      await result(1, 'subscribe', { user, channel, recover_since: first, ...more });
      await came(client, `subscribed ${channel} undefined`);
      await result(0, 'publish', { channel, data: 4 });
      await came(client, `publication ${channel} 4`);
      return client.events.items.filter((event) => event.includes(channel)).map((event) => event.replace(channel, ''));
    };
    const override = { force_recovery: { value: true } };
    const [subscribed, ...publications] = ['subscribed  undefined', ...[2, 3, 4].map((n) => `publication  ${n}`)];
    assert.deepEqual(await seenBy('cat', { override }), [subscribed, ...publications]);
    // The namespace lets nobody recover that it isn't told to, and a position of another log is none.
    assert.deepEqual(await seenBy('cow', {}), [subscribed, publications.at(-1)]);
    const elsewhere = { offset: 1, epoch: 'another.1' };
    assert.deepEqual(await seenBy('dog', { override, recover_since: elsewhere }), [subscribed, publications.at(-1)]);
  });

  test('revoked tokens end their connections on every edge, and let nobody in, at an edge that starts later neither', async () => {
    const [byId, stays] = [
      await connect(0, { sub: 'dan', jti: 'stolen' }),
      await connect(0, { sub: 'dan', jti: 'other' }),
    ];
    await result(0, 'revoke_token', { uid: 'stolen' });
    await came(byId, /^disconnected 3500/);
    assert.equal(stays.centrifuge.state, 'connected');
    const old = { sub: 'eve', iat: nowSeconds() - 100 };
    const byTime = await connect(1, old);
    await result(1, 'invalidate_user_tokens', { user: 'eve', issued_before: nowSeconds() - 50 });
    await came(byTime, /^disconnected 3500/);
    const late = await serve('edge-3', { PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: secret, PHAROS_DRAIN_TIMEOUT: '200ms' });
    for (const edge of [edges[1], late]) {
      for (const claims of [{ sub: 'dan', jti: 'stolen' }, old]) {
        const refused = new Centrifuge(`ws://127.0.0.1:${edge?.port}/connection/websocket`, {
          websocket: WebSocket,
          token: token(claims),
        });
        clients.push(refused);
        const code = new Promise<number>((resolve) => refused.on('disconnected', (context) => resolve(context.code)));
        refused.connect();
        assert.equal(await code, 3500);
      }
    }
    const fresh = await connect(1, { sub: 'eve' });
    fresh.centrifuge.disconnect();
  });

  test('keyed publishes while replicas are killed: each is in the channel once', async () => {
    const doomed = [
      await serve('api-3', { PHAROS_HTTP_API_KEY: key }, 'api'),
      await serve('api-4', { PHAROS_HTTP_API_KEY: key }, 'api'),
    ];
    const count = 200;
    const send = async (api: Service | undefined, n: number): Promise<boolean> => {
      try {
        const answer = await call(api, 'publish', { channel: 'once', data: n, idempotency_key: `key ${n}` });
        return answer['result'] !== undefined;
      } catch {
        return false;
      }
    };
    let answered = 0;
    const sends = Array.from({ length: count }, async (_, n) => {
      if (await send(doomed[n % 2], n)) answered++;
      if (answered === count / 4) for (const { process } of doomed) process.signal('SIGKILL');
    });
    await Promise.all(sends);
    // Whoever has no answer tries again, at both of the others at once, until it has one.
    const pending = Array.from({ length: count }, async (_, n) => {
      await eventually(
        async () => ((await Promise.all([send(apis[0], n), send(apis[1], n)])).every(Boolean) ? true : undefined),
        `key ${n}`,
        120_000,
      );
    });
    await Promise.all(pending);
    const seen: number[] = [];
    let since: Json | undefined;
    for (;;) {
      const page = await result(0, 'history', {
        channel: 'once',
        limit: 1_000,
        ...(since === undefined ? {} : { since }),
      });
      const publications = page['publications'] as Json[];
      if (publications.length === 0) break;
      seen.push(...publications.map((one) => one['data'] as number));
      since = { offset: publications.at(-1)?.['offset'], epoch: page['epoch'] };
    }
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: count }, (_, n) => n),
    );
  });

  test('SIGHUP has every one of them read its configuration again, and go on', async () => {
    const running = services.filter(({ status }) => status === undefined);
    assert.ok(running.length >= 5);
    await Promise.all(
      running.map(async (service) => {
        const from = service.stdout.count;
        service.signal('SIGHUP');
        await service.stdout.waitFor(/configuration read again: nothing/, { from });
      }),
    );
    await result(0, 'publish', { channel: 'news', data: 'after' });
  });

  test('no secret, token or payload is in a log at debug, whatever goes wrong; and Redis allowed all that was asked', async () => {
    const payload = 'tell-nobody-payload';
    await result(0, 'publish', { channel: 'news', data: payload, tags: { tag: payload } });
    await call(apis[0], 'publish', { channel: 'no:such', data: payload });
    await call(apis[0], 'publish', { channel: 'news', data: payload, misspelt: payload });
    const client = await connect(0, { sub: 'ann', info: { secret: payload } });
    client.centrifuge.disconnect();
    const wrongKey = { method: 'POST', headers: { 'X-API-Key': 'tell-nobody-key' }, body: payload };
    assert.equal((await fetch(`http://127.0.0.1:${apis[0]?.port}/api/info`, wrongKey)).status, 401);
    const forged = token({ sub: payload }).replace(/..$/, 'xx');
    for (const frame of [
      `{"id":1,"connect":{"token":"${forged}"}}`,
      `{"id":1,"connect":{"data":"${payload}"`,
      `{"id":1,"connect":{"token":"${token({ sub: payload, exp: 1 })}"}}\n{"id":2,"publish":{"channel":"news","data":"${payload}"}}`,
    ]) {
      const ws = new WebSocket(`ws://127.0.0.1:${edges[0]?.port}/connection/websocket`);
      await new Promise((resolve) => ws.once('open', resolve));
      const answered = new Promise((resolve) => ws.once('message', resolve).once('close', resolve));
      ws.send(frame);
      await answered;
      ws.terminate();
    }
    const lines = services.flatMap(({ stdout, stderr }) => [...stdout.lines, ...stderr.lines]);
    assert.ok(
      lines.some((line) => line.includes('a token was not taken')),
      'it is told that a token was refused',
    );
    for (const hidden of [key, secret, redisPassword, payload, 'tell-nobody-key', 'eyJ']) {
      assert.deepEqual(
        lines.filter((line) => line.includes(hidden)),
        [],
        hidden,
      );
    }
    const refused = lines.filter((line) => line.includes('NOPERM'));
    assert.deepEqual(refused, []);
  });
});
