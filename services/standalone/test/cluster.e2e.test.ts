import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { eventually, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { connectSdk, connectText } from './support/clients.ts';
import { start } from './support/processes.ts';

/** Processes whose environment has a variable, whoever started them. */
async function processesWith(variable: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Gone meanwhile, or somebody else's.
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(variable) ? pid : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

describe('npm run cluster', {
  skip: unavailable('pulsar') || unavailable('redis') || unavailable('prometheus'),
  timeout: 300_000,
}, () => {
  test('two edges share a chat, the API tells who is there, and SIGINT ends every process of it', async () => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const mark = randomUUID();
    const where = ['--pulsar', serviceUrl, '--pulsar-admin', adminUrl, '--log', uniqueTopic('cluster')];
    const cluster = await start('npm', ['run', 'cluster', '--', ...where], { OF_THE_CLUSTER: mark });
    const address = async (of: string): Promise<string> =>
      (
        await cluster.waitForLine(new RegExp(`^${of} \\| .*listens at (?:127\\.0\\.0\\.1:|port )(\\d+)`), {
          timeoutMs: 60_000,
        })
      )[1] ?? '';
    const [one, two, api] = await Promise.all(['edge-1', 'edge-2', 'api'].map(address));
    await cluster.waitForLine(/^prometheus \| http/);

    const here = await connectText('here', `ws://127.0.0.1:${one}/`);
    const there = await connectText('there', `ws://127.0.0.1:${two}/`);
    here.send('from one edge to the other');
    await there.lines.waitFor((line) => line === `[${here.id}] from one edge to the other`, 'what the other edge took');

    const sdk = await connectSdk('sdk', `ws://127.0.0.1:${two}/connection/websocket`, 'chat');
    const present = await eventually(async () => {
      const response = await fetch(`http://127.0.0.1:${api}/api/presence`, {
        method: 'POST',
        headers: { 'X-API-Key': 'for-development-only' },
        body: '{"channel":"chat"}',
      });
      assert.equal(response.status, 200);
      const { result } = (await response.json()) as { result?: { presence: Record<string, { client: string }> } };
      const clients = Object.values(result?.presence ?? {}).map(({ client }) => client);
      return clients.length > 0 ? clients : undefined;
    }, 'presence over the server API');
    assert(present.length > 0);

    // npm, this script, five services, Redis and Prometheus.
    assert((await processesWith(`OF_THE_CLUSTER=${mark}`)).length >= 9);
    cluster.signal('SIGINT');
    assert.deepEqual(await here.closed.promise, { code: 1001, reason: 'shutdown' });
    assert.equal((await sdk.closed.promise).code, 3001);
    assert.deepEqual(await cluster.exited, { code: 0, signal: null }, cluster.stdout.tail());
    for (const name of ['edge-1', 'edge-2', 'history', 'presence', 'api'])
      assert(cluster.stdout.lines.includes(`${name} | ended (exit code 0)`), `${name}:\n${cluster.stdout.tail()}`);
    const none = async (): Promise<true | undefined> =>
      (await processesWith(`OF_THE_CLUSTER=${mark}`)).length === 0 ? true : undefined;
    assert(await eventually(none, 'the end of every process of the cluster'));
  });
});
