import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../src/index.ts';
import { fakeTerminal } from './fakes.ts';

async function check(args: readonly string[], env: Record<string, string> = {}) {
  const terminal = fakeTerminal(env);
  const status = await runCli(['config', ...args], terminal);
  return { status, out: terminal.stdout.text, err: terminal.stderr.text };
}

test('says what holds, from file and environment, and no secret', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pharos-config-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'pharos.yaml');
  await writeFile(
    file,
    `pulsar:
  url: pulsar://broker
  auth:
    token: tell-nobody
client:
  channel_limit: 5
  token:
    hmac_secret_key: tell-nobody-either
channel:
  namespaces:
    - name: news
      history_size: 10
      history_ttl: 1m
`,
  );
  const { status, out } = await check(['check', '--config', file], { PHAROS_CLIENT_CHANNEL_LIMIT: '7' });
  assert.equal(status, 0);
  assert(!out.includes('tell-nobody'));
  const config = JSON.parse(out) as {
    client: { channel_limit: number; token: { hmac_secret_key: string } };
    channel: { namespaces: { history_ttl: number }[] };
  };
  assert.equal(config.client.channel_limit, 7);
  assert.equal(config.client.token.hmac_secret_key, '(secret)');
  assert.equal(config.channel.namespaces[0]?.history_ttl, 60_000);
});

test('no secret in a list, as the keys of the server API are, or in a map, as headers are that a backend knows the edge by', async () => {
  const keys = JSON.stringify([{ name: 'app', key: 'tell-nobody', scopes: ['publish'] }]);
  const headers = { 'X-Key': 'tell-nobody' };
  const env = {
    PHAROS_PULSAR_URL: 'pulsar://b',
    PHAROS_HTTP_API_KEYS: keys,
    PHAROS_RPC_PROXY_HTTP_STATIC_HEADERS: JSON.stringify(headers),
    PHAROS_PROXIES: JSON.stringify([{ name: 'a', endpoint: 'http://b', http: { static_headers: headers } }]),
  };
  const { status, out } = await check(['check', '--service', 'api'], env);
  assert.equal(status, 0);
  assert(!out.includes('tell-nobody'), out);
  assert.match(out, /"key": "\(secret\)"/);
  assert.equal(out.match(/"X-Key": "\(secret\)"/g)?.length, 2);
  assert.match(out, /"port": 8000/);
});

test('names every mistake at once', async () => {
  const { status, out, err } = await check(['check'], {
    PHAROS_CLIENT_CHANNEL_LIMIT: 'many',
    PHAROS_RING_MAX_AGE: '5',
  });
  assert.deepEqual([status, out], [1, '']);
  for (const name of ['pulsar.url', 'client.channel_limit', 'ring.max_age']) assert(err.includes(name), err);
});

test('every service has its own', async () => {
  const servers = { PHAROS_PULSAR_URL: 'pulsar://b', PHAROS_REDIS_URL: 'redis://r' };
  for (const service of ['edge', 'standalone', 'history', 'presence']) {
    const { status, err } = await check(['check', '--service', service], servers);
    assert.equal(status, 0, err);
  }
  assert.match((await check(['check', '--service', 'history'])).err, /redis\.url/);
  assert.match((await check(['check', '--service', 'edg'])).err, /--service is 'edg', expected edge, standalone/);
  assert.match((await check(['chek'])).err, /there is no 'config chek'; did you mean check\?/);
  assert.match((await check([])).err, /expected check or from-centrifugo/);
});

test('the plain-text chat, whose clients have no tokens, is refused where nobody may come without one', async () => {
  const env = { PHAROS_PULSAR_URL: 'pulsar://b', PHAROS_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'false' };
  const refused = await check(['check'], { ...env, PHAROS_CHAT_ENABLED: 'true' });
  assert.notEqual(refused.status, 0);
  assert.match(
    refused.err,
    /chat\.enabled: .*expected false where client\.allow_anonymous_connect_without_token is false/,
  );
  assert.equal((await check(['check'], { ...env, PHAROS_CHAT_ENABLED: 'false' })).status, 0);
});
