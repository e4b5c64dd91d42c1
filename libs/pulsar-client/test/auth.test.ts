import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { Authentication } from '../src/auth/authentication.ts';
import { AuthenticationBasic } from '../src/auth/basic.ts';
import { AuthenticationTls } from '../src/auth/tls.ts';
import { AuthenticationToken, type TokenParameters } from '../src/auth/token.ts';
import { AuthenticationAthenz, AuthenticationOauth2 } from '../src/auth/unsupported.ts';
import { PulsarError } from '../src/errors.ts';

const secret = 'tell-nobody';

async function said(authentication: Authentication): Promise<string> {
  const { data, header } = await authentication.getCredentials();
  return `${authentication.method} ${data?.toString()} ${header}`;
}

/** An error of this code that doesn't quote the secret. */
function quiet(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PulsarError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.ok(!inspect(error).includes(secret), error.message);
    return true;
  };
}

describe('credentials', () => {
  test('a token is a text, or comes from a function each time', async () => {
    let calls = 0;
    const supplied = new AuthenticationToken({ token: () => `t${calls++}` });
    const awaited = new AuthenticationToken({ token: () => Promise.resolve(secret) });
    assert.equal(await said(new AuthenticationToken({ token: secret })), `token ${secret} Bearer ${secret}`);
    assert.equal(await said(supplied), 'token t0 Bearer t0');
    assert.equal(await said(supplied), 'token t1 Bearer t1');
    assert.equal(await said(awaited), `token ${secret} Bearer ${secret}`);
  });

  test('a token file is read again each time, without the white space around', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-token-'));
    t.after(() => rm(dir, { recursive: true }));
    const tokenFilePath = join(dir, 'token');
    const authentication = new AuthenticationToken({ tokenFilePath });
    await assert.rejects(authentication.getCredentials(), quiet('AuthenticationError', /token' can't be read: ENOENT/));
    await writeFile(tokenFilePath, 'first\n');
    assert.equal(await said(authentication), 'token first Bearer first');
    await writeFile(tokenFilePath, ' second ');
    assert.equal(await said(authentication), 'token second Bearer second');
  });

  test('a name and a password', async () => {
    const authentication = new AuthenticationBasic({ username: 'ann', password: `${secret}:x` });
    const base64 = Buffer.from(`ann:${secret}:x`).toString('base64');
    assert.equal(await said(authentication), `basic ann:${secret}:x Basic ${base64}`);
  });

  test('a client certificate says nothing in the protocol', async () => {
    const authentication = new AuthenticationTls({ certificatePath: 'c.pem', privateKeyPath: 'k.pem' });
    assert.equal(authentication.method, 'tls');
    assert.deepEqual(await authentication.getCredentials(), {
      certificate: { certificateFilePath: 'c.pem', privateKeyFilePath: 'k.pem' },
    });
  });

  test('a supplier that fails, or gives no token, is an AuthenticationError with its cause', async () => {
    const cause = new Error('vault is sealed');
    const failing = new AuthenticationToken({
      token: () => {
        throw cause;
      },
    });
    await assert.rejects(failing.getCredentials(), (error) => {
      quiet('AuthenticationError', /the token supplier failed: vault is sealed/)(error);
      return (error as PulsarError).cause === cause;
    });
    const rejecting = new AuthenticationToken({ token: () => Promise.reject(cause) });
    await assert.rejects(rejecting.getCredentials(), quiet('AuthenticationError', /vault is sealed/));
    for (const [value, text] of [
      [undefined, /gave undefined/],
      ['', /gave an empty text/],
      [null, /gave null/],
      [`${secret}\n`, /white space/],
    ] as const) {
      const token = (() => value) as () => string;
      await assert.rejects(new AuthenticationToken({ token }).getCredentials(), quiet('AuthenticationError', text));
    }
  });

  test('what they hold shows nowhere', () => {
    const all = [
      new AuthenticationToken({ token: secret }),
      new AuthenticationBasic({ username: 'ann', password: secret }),
    ];
    for (const one of all) assert.ok(!inspect(one, { depth: 9, showHidden: true }).includes(secret));
    assert.ok(!JSON.stringify(all).includes(secret));
  });

  test('wrong parameters are refused, and not shown', () => {
    const wrong: readonly (readonly [() => unknown, RegExp])[] = [
      [() => new AuthenticationToken({ token: '' }), /AuthenticationToken expects token/],
      [() => new AuthenticationToken({} as TokenParameters), /expects token/],
      [() => new AuthenticationToken(undefined as unknown as TokenParameters), /expects token/],
      [() => new AuthenticationToken({ token: 7 } as unknown as TokenParameters), /expects token/],
      [() => new AuthenticationToken({ tokenFilePath: '' }), /expects tokenFilePath/],
      [() => new AuthenticationToken({ token: secret, tokenFilePath: 'f' }), /takes no 'token/],
      [() => new AuthenticationToken({ tokn: secret } as unknown as TokenParameters), /takes no 'tokn'/],
      [() => new AuthenticationBasic({ username: 'a:b', password: secret }), /AuthenticationBasic expects/],
      [() => new AuthenticationBasic({ username: '', password: secret }), /AuthenticationBasic expects/],
      [() => new AuthenticationTls({ certificatePath: 'c', privateKeyPath: '' }), /AuthenticationTls expects/],
    ];
    for (const [make, text] of wrong) assert.throws(make, quiet('InvalidConfiguration', text), String(text));
  });

  test('what is not supported says so by its name', () => {
    assert.throws(() => new AuthenticationAthenz('{}'), quiet('OperationNotSupported', /AuthenticationAthenz/));
    const oauth = { type: 'client_credentials', client_secret: secret };
    assert.throws(() => new AuthenticationOauth2(oauth), quiet('OperationNotSupported', /AuthenticationOauth2/));
  });
});
