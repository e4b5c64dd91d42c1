import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { runCli } from '../src/index.ts';
import { fakeTerminal } from './fakes.ts';

const env = { PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY: 'a secret of the backend' };

async function cli(args: readonly string[], settings: Record<string, string> = env, stdin?: string) {
  const terminal = fakeTerminal(settings);
  if (stdin !== undefined) (terminal.stdin as PassThrough).end(stdin);
  const status = await runCli(['token', ...args], terminal);
  return { status, out: terminal.stdout.text.trim(), err: terminal.stderr.text };
}

async function made(...args: string[]): Promise<string> {
  const { status, out, err } = await cli(['make', ...args]);
  assert.deepEqual([status, err], [0, '']);
  return out;
}

describe('pharos token', () => {
  test('what make makes, check takes, as an argument and on standard input', async () => {
    const token = await made('--user', 'ann', '--info', '{"name": "Ann"}', '--subs', 'news,a:b', '--ttl', '30m');
    const { status, out } = await cli(['check', token]);
    assert.equal(status, 0);
    const claims = JSON.parse(out) as { user: string; info: object; subs: object; expireAt: number; issuedAt: number };
    assert.equal(claims.user, 'ann');
    assert.deepEqual(claims.info, { name: 'Ann' });
    assert.deepEqual(Object.keys(claims.subs), ['news', 'a:b']);
    assert.equal(claims.expireAt - claims.issuedAt, 1_800);
    assert.equal((await cli(['check'], env, `${token}\n`)).out, out);
  });

  test('one to subscribe with has its channel, and keys of its own where those are configured', async () => {
    const own = {
      ...env,
      PHAROS_CLIENT_SUBSCRIPTION_TOKEN_ENABLED: 'true',
      PHAROS_CLIENT_SUBSCRIPTION_TOKEN_HMAC_SECRET_KEY: 'another',
    };
    const { out: token } = await cli(
      ['make', '--user', 'ann', '--channel', 'room', '--client', 'c', '--ttl', '0'],
      own,
    );
    const { out } = await cli(['check', token], own);
    const claims = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual([claims['channel'], claims['client'], claims['expireAt']], ['room', 'c', undefined]);
    assert.equal((await cli(['check', token])).status, 1);
  });

  test('the file of npm start is taken, with the server API in it', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'pharos-token-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'pharos.yaml');
    await writeFile(file, 'client: { token: { hmac_secret_key: a secret } }\nhttp_api: { key: a key }\n');
    const { status, err } = await cli(['make', '--config', file, '--user', 'ann'], {});
    assert.deepEqual([status, err], [0, '']);
  });

  test('a private key signs, and its public one checks', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'pharos-token-'));
    t.after(() => rm(folder, { recursive: true }));
    for (const [option, { privateKey, publicKey }] of [
      ['RSA', generateKeyPairSync('rsa', { modulusLength: 2_048 })],
      ['ECDSA', generateKeyPairSync('ec', { namedCurve: 'prime256v1' })],
      ['EDDSA', generateKeyPairSync('ed25519')],
    ] as const) {
      const file = join(folder, option);
      await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const { out: token } = await cli(['make', '--user', 'ann', '--key', file], {});
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const { status, err } = await cli(['check', token], { [`PHAROS_CLIENT_TOKEN_${option}_PUBLIC_KEY`]: pem });
      assert.deepEqual([status, err], [0, '']);
    }
  });

  test('rules of the configuration are kept by what make makes', async () => {
    const strict = { ...env, PHAROS_CLIENT_TOKEN_AUDIENCE: 'chat', PHAROS_CLIENT_TOKEN_ISSUER: 'shop' };
    const { out: token } = await cli(['make'], strict);
    assert.equal((await cli(['check', token], strict)).status, 0);
    const { status, err } = await cli(['check', await made()], strict);
    assert.equal(status, 1);
    assert.match(err, /claim (aud|iss)/);
  });

  for (const [args, settings, message, status] of [
    [[], env, /expected make or check/, 2],
    [['mke'], env, /'mke' is not expected here/, 2],
    [['make', 'x'], env, /'x' is not expected here/, 2],
    [['make'], {}, /hmac_secret_key is not set, and no private key is given/, 1],
    [['make', '--ttl', '5'], env, /--ttl is '5', expected a duration/, 2],
    [['make', '--info', '{'], env, /--info is '\{', expected JSON/, 2],
    [['make', '--client', 'c'], env, /--client needs --channel/, 2],
    [['make', '--channel', 'a', '--subs', 'b'], env, /different tokens/, 2],
    [['make', '--key', '/nowhere'], env, /nowhere/, 1],
    [['check', 'a.b.c'], env, /no signed JSON Web Token/, 1],
    [['check', 'a.b.c'], {}, /no key for tokens is configured/, 1],
  ] as const) {
    test(`token ${args.join(' ')}`.trim(), async () => {
      const outcome = await cli(args, settings);
      assert.match(outcome.err, message);
      assert.deepEqual([outcome.status, outcome.out], [status, '']);
    });
  }

  test('nothing on standard input is a mistake', async () => {
    assert.match((await cli(['check'], env, '')).err, /expected a token/);
  });
});
