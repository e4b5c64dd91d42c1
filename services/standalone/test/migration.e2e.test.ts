// What docs/migrate-from-socketio.md shows: one small application on Socket.IO, and on Pharos.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freePort, type ServiceProcess, startProxy } from '@pharos/testkit';
import { startEdge } from './support/edge-process.ts';
import { direct, socketIo } from './support/examples.ts';
import { start } from './support/processes.ts';

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
