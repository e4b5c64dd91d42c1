import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freePort, type ServiceProcess, spawnService } from '@pharos/testkit';
import { runCli } from '../src/index.ts';
import { fakeTerminal } from './fakes.ts';
import { PHAROS } from './pharos.ts';

const secrets = { PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: 'of tokens', PHAROS_HTTP_API_KEY: 'of the API' };

describe('pharos selftest', { timeout: 120_000 }, () => {
  let port = 0;
  let server: ServiceProcess | undefined;

  before(async () => {
    port = await freePort();
    const [node = '', ...args] = PHAROS;
    const env = {
      ...secrets,
      PHAROS_PULSAR_URL: undefined,
      PHAROS_LISTEN: `127.0.0.1:${port}`,
      PHAROS_INTERNAL_LISTEN: `127.0.0.1:${await freePort()}`,
      PHAROS_CHANNEL_NAMESPACES: '[{"name":"brief","history_size":0,"allow_recovery":false}]',
    };
    server = await spawnService(node, [...args, 'serve', 'standalone'], { env, readyPattern: /listens at/ });
  });

  after(() => server?.kill());

  async function selftest(args: readonly string[], env: Record<string, string>) {
    const terminal = fakeTerminal(env);
    const url = `ws://127.0.0.1:${port}/connection/websocket`;
    const status = await runCli(['selftest', '--url', url, ...args], terminal);
    return { status, steps: terminal.stderr.text.trimEnd().split('\n') };
  }

  test('without tokens, over connections', async () => {
    const { status, steps } = await selftest([], {});
    assert.equal(status, 0, steps.join('\n'));
    assert.deepEqual(
      steps.map((step) => step.split(':')[0]),
      ['connect', 'subscribe', 'publish', 'receive', 'resume'],
    );
    assert.equal(steps[4], 'resume: what was missed came');
  });

  test('with tokens, through the server API', async () => {
    const { status, steps } = await selftest(['--api-url', `http://127.0.0.1:${port}/api/`], secrets);
    assert.equal(status, 0, steps.join('\n'));
    assert.equal(steps[2], `publish: through http://127.0.0.1:${port}/api`);
  });

  test('a channel without recovery is said to have none', async () => {
    const namespaces = '[{"name":"brief","history_size":0,"allow_recovery":false}]';
    const { status, steps } = await selftest(['--channel', 'brief:a'], { PHAROS_CHANNEL_NAMESPACES: namespaces });
    assert.equal(status, 0, steps.join('\n'));
    assert.match(steps[4] ?? '', /^resume: left out: the channel has no recovery/);
    // Who takes it for one with recovery is told.
    const mistaken = await selftest(['--channel', 'brief:a'], {
      PHAROS_CHANNEL_NAMESPACES: '[{"name":"brief","history_size":9,"history_ttl":"1m","allow_recovery":true}]',
    });
    assert.equal(mistaken.status, 1);
    assert.match(mistaken.steps[4] ?? '', /resume: the client was told that it could not be recovered/);
  });

  test('the step that fails is named, and why', async () => {
    const wrong = await selftest([], { PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: 'of others' });
    assert.equal(wrong.status, 1);
    assert.match(wrong.steps[0] ?? '', /^pharos: connect: 3500 invalid token$/);
    const api = ['--api-url', `http://127.0.0.1:${port}/api`];
    const key = await selftest(api, { PHAROS_HTTP_API_KEY: 'of others' });
    assert.match(key.steps[2] ?? '', /publish: .* answered 401/);
    assert.match((await selftest(api, {})).steps[2] ?? '', /publish: .*no key of http_api/);
    const nobody = await selftest(['--timeout', '0.5', '--url', 'ws://127.0.0.1:1/'], {});
    assert.equal(nobody.status, 1);
    assert.match(nobody.steps[0] ?? '', /connect: /);
  });
});
