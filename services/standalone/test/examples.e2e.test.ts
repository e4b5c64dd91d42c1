// What docs/examples has: backends in four languages by plain HTTP, and clients by the official SDKs, each against a Pharos of its own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Collector, freePort, type ServiceProcess, startProxy } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import { exampleConfig, exampleLanguages, quickStart, socketIo } from './support/examples.ts';
import { type Environment, pharos, start } from './support/processes.ts';

const room = 'room:lobby';
/** Only Ann is a member of it. */
const closedRoom = 'room:staff';
const privateChannel = '$vip';

/** This machine's proxies have no part in it. */
const direct: Environment = { NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };

type Cookies = Readonly<{ Cookie?: string }>;
const ann: Cookies = { Cookie: 'theme=dark; session=session-of-ann' };
const bob: Cookies = { Cookie: 'session=session-of-bob' };

/** As browsers are: cookies go along with the upgrade. */
function socketWith(headers: Cookies): typeof WebSocket {
  return class extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, { headers: { ...headers } });
    }
  } as typeof WebSocket;
}

for (const { name, skip, ...language } of exampleLanguages) {
  describe(`examples in ${name}`, { skip, timeout: 300_000 }, () => {
    const clients: Centrifuge[] = [];
    let backend: ServiceProcess;
    let backendUrl: string;
    let edge: EdgeProcess;

    before(async () => {
      const port = await freePort();
      const [command, ...args] = await language.backend();
      backend = await start(
        command,
        args,
        { ...direct, PORT: '0', API_URL: `http://127.0.0.1:${port}/api` },
        /^listens at/,
      );
      const [, url = ''] = await backend.waitForLine(/^listens at (\S+)$/);
      backendUrl = url;
      edge = await startEdge({
        port,
        env: {
          PHAROS_CONFIG: exampleConfig,
          PHAROS_CLIENT_PROXY_CONNECT_ENDPOINT: `${url}/pharos/connect`,
          PHAROS_CHANNEL_PROXY_SUBSCRIBE_ENDPOINT: `${url}/pharos/subscribe`,
          PHAROS_RPC_PROXY_ENDPOINT: `${url}/pharos/rpc`,
          // Generous: this machine may be busy.
          PHAROS_CLIENT_PROXY_CONNECT_TIMEOUT: '30s',
          PHAROS_CHANNEL_PROXY_SUBSCRIBE_TIMEOUT: '30s',
          PHAROS_RPC_PROXY_TIMEOUT: '30s',
        },
      });
    });

    after(async () => {
      for (const client of clients) client.disconnect();
      await edge.stop();
      await backend.stop();
    });

    async function tokenFor(headers: Cookies, channel?: string): Promise<string> {
      const query = channel === undefined ? '' : `?channel=${encodeURIComponent(channel)}`;
      const response = await fetch(`${backendUrl}/token${query}`, { headers });
      return response.ok ? response.text() : String(response.status);
    }

    function connect(headers: Cookies, options: { readonly getToken?: () => Promise<string> } = {}): Centrifuge {
      const client = new Centrifuge(edge.sdkUrl, { websocket: socketWith(headers), timeout: 30_000, ...options });
      clients.push(client);
      client.connect();
      return client;
    }

    async function say(headers: Cookies, message: Readonly<Record<string, string>>): Promise<[number, unknown]> {
      const body = JSON.stringify(message);
      const response = await fetch(`${backendUrl}/messages`, { method: 'POST', headers: { ...headers }, body });
      return [response.status, response.ok ? await response.json() : undefined];
    }

    test('its tokens are taken, to connect with and to subscribe with', async () => {
      const client = connect({}, { getToken: () => tokenFor(ann) });
      const subscription = client.newSubscription(privateChannel, { getToken: () => tokenFor(ann, privateChannel) });
      subscription.subscribe();
      await subscription.ready(60_000);
      assert.deepEqual((await client.rpc('greet', {})).data, { text: 'hello ann' });
      assert.deepEqual([await tokenFor({}), await tokenFor(bob, privateChannel)], ['401', '403']);
    });

    test('it decides who connects without a token, who subscribes and what methods answer', async () => {
      const client = connect(bob);
      const open = client.newSubscription(room);
      const closed = client.newSubscription(closedRoom);
      const refused = new Collector<unknown>();
      closed.on('unsubscribed', ({ code, reason }) => refused.add([code, reason]));
      for (const subscription of [open, closed]) subscription.subscribe();
      await open.ready(60_000);
      await refused.waitForCount(1);
      assert.deepEqual(refused.items, [[103, 'permission denied']]);
      assert.deepEqual((await client.rpc('greet', {})).data, { text: 'hello bob' });
      await assert.rejects(client.rpc('other', {}), { code: 404, message: 'no such method' });

      const stranger = connect({});
      const ended = new Collector<unknown>();
      stranger.on('disconnected', ({ code, reason }) => ended.add([code, reason]));
      await ended.waitForCount(1);
      assert.deepEqual(ended.items, [[4501, 'log in first']]);
    });

    test('only edges may ask it', async () => {
      for (const path of ['connect', 'subscribe', 'rpc']) {
        const { status } = await fetch(`${backendUrl}/pharos/${path}`, {
          method: 'POST',
          headers: { ...ann },
          body: '{}',
        });
        assert.equal(status, 403, path);
      }
    });

    test('what it publishes arrives once, however often it is sent', async () => {
      const client = connect(bob);
      const subscription = client.newSubscription(room);
      const heard = new Collector<unknown>();
      subscription.on('publication', ({ data }) => heard.add(data));
      subscription.subscribe();
      await subscription.ready(60_000);
      const first = await say(ann, { id: 'message-1', channel: room, text: 'once – ✓ "quoted"' });
      assert.equal(first[0], 200);
      assert.deepEqual(await say(ann, { id: 'message-1', channel: room, text: 'once – ✓ "quoted"' }), first);
      await say(bob, { id: 'message-2', channel: room, text: 'then' });
      await heard.waitForCount(2);
      assert.deepEqual(heard.items, [
        { from: 'ann', text: 'once – ✓ "quoted"' },
        { from: 'bob', text: 'then' },
      ]);
      assert.deepEqual(await say(bob, { id: 'message-3', channel: closedRoom, text: 'let me in' }), [403, undefined]);
      assert.deepEqual(await say({}, { id: 'message-4', channel: room, text: 'who am I' }), [401, undefined]);
    });

    test('the client does all that it says, and is back with what it missed', async (t) => {
      let way = await startProxy(`ws://127.0.0.1:${edge.port}`);
      t.after(() => way.close());
      const [command, ...args] = await language.client();
      const client = await start(command, args, {
        ...direct,
        URL: `ws://127.0.0.1:${way.port}/connection/websocket`,
        TOKEN_URL: `${backendUrl}/token`,
      });
      t.after(() => client.kill());
      for (const line of [/^connected: \S+$/, /^subscribed$/, /^publication: hello$/, /^presence: .*ann/]) {
        await client.waitForLine(line);
      }
      for (const line of [/^history: hello/, /^rpc: hello ann$/, /^subscribed to \$vip$/])
        await client.waitForLine(line);
      way.refuse();
      way.cutAll();
      await say(ann, { id: `missed by ${name}`, channel: room, text: 'missed' });
      const { port } = way;
      await way.close();
      way = await startProxy(`ws://127.0.0.1:${edge.port}`, { port });
      await client.waitForLine(/^recovered$/);
      await client.waitForLine(/^publication: missed$/);
      const publications = client.stdout.lines.filter((line) => line.startsWith('publication: '));
      assert.deepEqual(publications, ['publication: hello', 'publication: missed']);
    });
  });
}

describe('the quick start', { timeout: 300_000 }, () => {
  test('somebody without a token is refused; with one they chat, and hear the backend once', async (t) => {
    const env = { PHAROS_CONFIG: quickStart.config };
    const edge = await startEdge({ env });
    t.after(() => edge.stop());
    const room = (...args: string[]): Promise<ServiceProcess> =>
      start(process.execPath, [quickStart.room, ...args], { ...direct, URL: edge.sdkUrl });

    const stranger = await room('Eve');
    t.after(() => stranger.kill());
    await stranger.waitForLine(/^\* disconnected: unauthorized \(101\)$/);

    const maker = await pharos(['token', 'make', '--user', 'ann'], env);
    const [token = ''] = await maker.waitForLine(/^\S+\.\S+\.\S+$/);
    const guest = await room('Ann', token);
    t.after(() => guest.kill());
    await guest.waitForLine(/^\* here: 1$/);
    await guest.write('hello\n');
    await guest.waitForLine(/^Ann: hello$/);
    const call = async (method: string, params: object): Promise<unknown> => {
      const headers = { 'X-API-Key': 'api-key-for-development' };
      const body = JSON.stringify(params);
      const response = await fetch(`${edge.pageUrl}api/${method}`, { method: 'POST', headers, body });
      return response.json();
    };
    const greeting = { name: 'backend', text: 'good morning' };
    const publication = { channel: 'chat', data: greeting, idempotency_key: 'greeting-1' };
    assert.deepEqual(await call('publish', publication), await call('publish', publication));
    await guest.waitForLine(/^backend: good morning$/);
    await call('disconnect', { user: 'ann' });
    await guest.waitForLine(/^\* disconnected: force disconnect \(3503\)$/);
    assert.equal(guest.stdout.lines.filter((line) => line.startsWith('backend:')).length, 1);
  });
});

describe('the same application on Socket.IO and on Pharos', { timeout: 300_000 }, () => {
  /** What a client of it says, from its log-in to the end that its application puts to it. */
  async function saidBy(
    client: ServiceProcess,
    application: string,
    whileAway: (say: (text: string) => Promise<void>) => Promise<void>,
  ): Promise<readonly string[]> {
    let sent = 0;
    const ask = async (action: string, body: object): Promise<void> => {
      const request = { method: 'POST', body: JSON.stringify({ id: `message-${++sent}`, ...body }) };
      assert.equal((await fetch(`${application}/${action}`, request)).status, 204, action);
    };
    await client.waitForLine(/^lobby: ann: hello$/);
    await ask('announce', { room: 'staff', text: 'not for ann' });
    await ask('announce', { room: 'lobby', text: 'good morning' });
    await client.waitForLine(/^lobby: backend: good morning$/);
    await ask('notify', { user: 'bob', text: 'not for ann' });
    await ask('notify', { user: 'ann', text: 'you have mail' });
    await client.waitForLine(/^notice: you have mail$/);
    await whileAway((text) => ask('announce', { room: 'lobby', text }));
    await ask('log-out', { user: 'ann' });
    await client.waitForLine(/^logged out$/);
    return client.stdout.lines;
  }

  const expected = [
    'staff: not allowed',
    'lobby: joined',
    'here: ann',
    'renamed: Ann',
    'lobby: ann: hello',
    'lobby: backend: good morning',
    'notice: you have mail',
  ];
  const listens = /^listens at (\S+)$/;

  test('before', async (t) => {
    const server = await start(process.execPath, [socketIo.server], { ...direct, PORT: '0' }, listens);
    t.after(() => server.kill());
    const [, url = ''] = await server.waitForLine(listens);
    const client = (session: string): Promise<ServiceProcess> =>
      start(process.execPath, [socketIo.clientBefore], { ...direct, URL: url, SESSION: session });
    const stranger = await client('none');
    t.after(() => stranger.kill());
    await stranger.waitForLine(/^refused: log in first$/);
    const ann = await client('session-of-ann');
    t.after(() => ann.kill());
    assert.deepEqual(await saidBy(ann, url, () => Promise.resolve()), [...expected, 'logged out']);
  });

  test('after: the same, and what is said while the connection is lost', async (t) => {
    const port = await freePort();
    const env = { ...direct, PORT: '0', API_URL: `http://127.0.0.1:${port}/api` };
    const backend = await start(process.execPath, [socketIo.backend], env, listens);
    t.after(() => backend.kill());
    const [, url = ''] = await backend.waitForLine(listens);
    const edge = await startEdge({
      port,
      env: {
        PHAROS_CONFIG: socketIo.config,
        PHAROS_CHANNEL_PROXY_SUBSCRIBE_ENDPOINT: `${url}/pharos/subscribe`,
        PHAROS_RPC_PROXY_ENDPOINT: `${url}/pharos/rpc`,
        // Generous: this machine may be busy.
        PHAROS_CHANNEL_PROXY_SUBSCRIBE_TIMEOUT: '30s',
        PHAROS_RPC_PROXY_TIMEOUT: '30s',
      },
    });
    t.after(() => edge.stop());
    let way = await startProxy(`ws://127.0.0.1:${port}`);
    t.after(() => way.close());
    const client = (session: string): Promise<ServiceProcess> =>
      start(process.execPath, [socketIo.clientAfter], {
        ...direct,
        URL: `ws://127.0.0.1:${way.port}/connection/websocket`,
        BACKEND: url,
        SESSION: session,
      });
    const stranger = await client('none');
    t.after(() => stranger.kill());
    await stranger.waitForLine(/^refused: log in first$/);
    const ann = await client('session-of-ann');
    t.after(() => ann.kill());
    const said = await saidBy(ann, url, async (say) => {
      way.refuse();
      way.cutAll();
      await say('while you were away');
      const at = way.port;
      await way.close();
      way = await startProxy(`ws://127.0.0.1:${port}`, { port: at });
      await ann.waitForLine(/^lobby: backend: while you were away$/);
    });
    assert.deepEqual(said, [...expected, 'lobby: backend: while you were away', 'logged out']);
  });
});
