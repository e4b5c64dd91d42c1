// What docs/examples has: backends in four languages by plain HTTP, and clients by the official SDKs, each against a Pharos of its own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Collector, freePort, type ServiceProcess, startProxy } from '@pharos/testkit';
import { Centrifuge } from 'centrifuge';
import { WebSocket } from 'ws';
import { type EdgeProcess, startEdge } from './support/edge-process.ts';
import {
  codeIn,
  curlsIn,
  direct,
  exampleConfig,
  exampleLanguages,
  quickStart,
  smallBackend,
} from './support/examples.ts';
import { pharos, start } from './support/processes.ts';

const room = 'room:lobby';
/** Only Ann is a member of it. */
const closedRoom = 'room:staff';
const privateChannel = '$vip';

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

    test('what its document says to try works', async () => {
      const answers: string[] = [];
      for (const { url, init } of curlsIn('docs/backends.md')) {
        const response = await fetch(url.replace('http://127.0.0.1:3000', backendUrl), init);
        assert.equal(response.status, 200, url);
        answers.push(await response.text());
      }
      const [token = '', first, again] = answers;
      assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
      assert.ok(first !== undefined);
      assert.equal(again, first);
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

    assert.ok(!edge.process.stdout.lines.some((line) => /two tabs|plain-text chat/.test(line)), 'there is no chat');
    const stranger = await room('Eve');
    t.after(() => stranger.kill());
    await stranger.waitForLine(/^\* disconnected: unauthorized \(101\)$/);
    assert.equal((await stranger.exited).code, 1);
    assert.equal(stranger.stderr.tail(), '');

    const maker = await pharos(['token', 'make', '--user', 'ann'], env);
    const [token = ''] = await maker.waitForLine(/^\S+\.\S+\.\S+$/);
    const guest = await room('Ann', token);
    t.after(() => guest.kill());
    await guest.waitForLine(/^\* here: 1$/);
    await guest.write('hello\n');
    await guest.waitForLine(/^Ann: hello$/);
    // Twice: the key makes it one.
    const [publish, ...others] = curlsIn('docs/quick-start.md');
    assert.ok(publish !== undefined);
    const answers: unknown[] = [];
    for (const { url, init } of [publish, publish, ...others]) {
      const response = await fetch(url.replace('127.0.0.1:9001', `127.0.0.1:${edge.port}`), init);
      answers.push(await response.json());
    }
    const [first, again, presence, history, disconnect] = answers as { result: Record<string, unknown> }[];
    assert.deepEqual(again, first);
    assert.equal(Object.keys(presence?.result['presence'] ?? {}).length, 1);
    assert.equal(Object.keys(history?.result['publications'] ?? {}).length, 2);
    assert.deepEqual(disconnect, { result: {} });
    await guest.waitForLine(/^backend: good morning$/);
    await guest.waitForLine(/^\* disconnected: force disconnect \(3503\)$/);
    assert.equal(guest.stdout.lines.filter((line) => line.startsWith('backend:')).length, 1);
  });
});

describe('the README', { timeout: 120_000 }, () => {
  test('its first lines of code chat with each other', async (t) => {
    const edge = await startEdge();
    t.after(() => edge.stop());
    const here = (code: string): string => code.replace('127.0.0.1:9001', `127.0.0.1:${edge.port}`);
    const [plain = ''] = codeIn('README.md', 'sh').filter((code) => code.startsWith('node -e '));
    const [sdk = ''] = codeIn('README.md', 'js');
    const [, script = ''] = /^node -e "(.*)"\n$/.exec(plain) ?? [];
    const listener = await start(process.execPath, ['-e', here(script)], direct);
    t.after(() => listener.kill());
    const [own = ''] = await listener.waitForLine(/^\[[-0-9a-f]{36}\](?= hello$)/);
    const client = await start(process.execPath, ['--input-type=module', '-e', here(sdk)], direct);
    t.after(() => client.kill());
    await client.waitForLine(/^\{ name: 'Ann', text: 'hello' \}$/);
    // The other's comes under another id.
    await listener.waitForLine(new RegExp(`^.(?!${own.slice(1, -1)})[-0-9a-f]{36}. hello$`));
    // Nothing is amiss at a first start, and nothing says so.
    assert.ok(edge.process.stdout.lines.some((line) => line.includes('a new lane is brought into the store')));
  });
});

describe('the small backend that edges ask', { timeout: 120_000 }, () => {
  test('it says who connects, what they may subscribe to, what is published and what methods answer', async (t) => {
    const listens = /^listens at (\S+)$/;
    const backend = await start(process.execPath, [smallBackend.program], { ...direct, PORT: '0' }, listens);
    t.after(() => backend.kill());
    const [, url = ''] = await backend.waitForLine(listens);
    const edge = await startEdge({
      env: {
        PHAROS_CONFIG: smallBackend.config,
        PHAROS_CLIENT_PROXY_CONNECT_ENDPOINT: `${url}/connect`,
        PHAROS_CHANNEL_PROXY_SUBSCRIBE_ENDPOINT: `${url}/subscribe`,
        PHAROS_CHANNEL_PROXY_PUBLISH_ENDPOINT: `${url}/publish`,
        PHAROS_RPC_PROXY_ENDPOINT: `${url}/rpc`,
        // Generous: this machine may be busy.
        PHAROS_CLIENT_PROXY_CONNECT_TIMEOUT: '30s',
        PHAROS_CHANNEL_PROXY_SUBSCRIBE_TIMEOUT: '30s',
        PHAROS_CHANNEL_PROXY_PUBLISH_TIMEOUT: '30s',
        PHAROS_RPC_PROXY_TIMEOUT: '30s',
      },
    });
    t.after(() => edge.stop());
    const connect = (headers: Cookies): Centrifuge => {
      const client = new Centrifuge(edge.sdkUrl, { websocket: socketWith(headers), timeout: 30_000 });
      t.after(() => client.disconnect());
      return client;
    };
    const stranger = connect({});
    const ended = new Collector<unknown>();
    stranger.on('disconnected', ({ code, reason }) => ended.add([code, reason]));
    stranger.connect();
    await ended.waitForCount(1);
    assert.deepEqual(ended.items, [[4501, 'log in first']]);

    const client = connect({ Cookie: 'session=ann' });
    const given = new Collector<string>();
    client.on('subscribed', ({ channel }) => given.add(channel));
    client.connect();
    await given.waitForCount(1);
    assert.deepEqual(given.items, ['news']);
    const inbox = client.newSubscription('inbox-ann');
    const heard = new Collector<unknown>();
    inbox.on('publication', ({ data }) => heard.add(data));
    inbox.subscribe();
    await inbox.ready(60_000);
    await inbox.publish({ text: '  hello ' });
    await heard.waitForCount(1);
    assert.deepEqual(heard.items, [{ text: 'hello' }]);
    await assert.rejects(inbox.publish({ text: 7 }), { code: 400, message: 'no text' });
    const other = client.newSubscription('inbox-bob');
    const refused = new Collector<unknown>();
    other.on('unsubscribed', ({ code, reason }) => refused.add([code, reason]));
    other.subscribe();
    await refused.waitForCount(1);
    assert.deepEqual(refused.items, [[403, 'not your inbox']]);
    const answer: { readonly data: unknown } = await client.rpc('add', { one: 1 });
    assert.deepEqual(answer.data, { user: 'ann', method: 'add', got: { one: 1 } });
  });
});
