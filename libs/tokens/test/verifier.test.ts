import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TokenError, TokenVerifier } from '../src/index.ts';
import { config, ec, ed25519, now, refused, rsa, secret, sign, verifier } from './support.ts';

describe('signatures', () => {
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    test(`${alg}, with the secret`, async () => {
      assert.equal((await verifier().connection(await sign({ sub: 'ann' }, alg))).user, 'ann');
    });
  }

  for (const alg of ['RS256', 'RS384', 'RS512']) {
    test(`${alg}, with the public key`, async () => {
      const token = await sign({ sub: 'ann' }, alg, rsa.privateKey);
      assert.equal((await verifier({ rsa_public_key: rsa.pem }).connection(token)).user, 'ann');
    });
  }

  for (const [alg, curve] of [
    ['ES256', 'prime256v1'],
    ['ES384', 'secp384r1'],
    ['ES512', 'secp521r1'],
  ] as const) {
    test(`${alg}, with the public key of its curve alone`, async () => {
      const keys = ec(curve);
      const token = await sign({ sub: 'ann' }, alg, keys.privateKey);
      assert.equal((await verifier({ ecdsa_public_key: keys.pem }).connection(token)).user, 'ann');
      const other = ec(curve === 'secp384r1' ? 'prime256v1' : 'secp384r1');
      await refused(verifier({ ecdsa_public_key: other.pem }).connection(token), 'algorithm');
    });
  }

  for (const alg of ['EdDSA', 'Ed25519']) {
    test(`${alg}, with the public key`, async () => {
      const token = await sign({ sub: 'ann' }, alg, ed25519.privateKey);
      assert.equal((await verifier({ eddsa_public_key: ed25519.pem }).connection(token)).user, 'ann');
    });
  }

  test('of somebody else', async () => {
    await refused(verifier().connection(await sign({ sub: 'ann' }, 'HS256', Buffer.from('another'))), 'signature');
    const token = await sign({ sub: 'ann' }, 'RS256', rsa.privateKey);
    await refused(verifier().connection(token), 'algorithm');
  });

  test('a public key is never a secret: the same key, taken for HMAC', async () => {
    const forged = await sign({ sub: 'root' }, 'HS256', Buffer.from(rsa.pem));
    await refused(verifier({ rsa_public_key: rsa.pem }).connection(forged), 'algorithm');
    const both = verifier({ rsa_public_key: rsa.pem, hmac_secret_key: secret });
    await refused(both.connection(forged), 'signature');
  });

  test('none, in any writing, is no signature', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      const payload = Buffer.from(JSON.stringify({ sub: 'root' })).toString('base64url');
      for (const signature of ['', createHmac('sha256', '').update(`${header}.${payload}`).digest('base64url')]) {
        const work = verifier().connection(`${header}.${payload}.${signature}`);
        await assert.rejects(work, (error) => error instanceof TokenError && !error.retryable);
      }
    }
  });

  test('the secret before is taken, until its time is over', async () => {
    const old = await sign({ sub: 'ann' }, 'HS384', Buffer.from('the old one'));
    const settings = { hmac_secret_key: secret, hmac_previous_secret_key: 'the old one' };
    assert.equal((await verifier(settings).connection(old)).user, 'ann');
    assert.equal((await verifier(settings).connection(await sign({ sub: 'bob' }))).user, 'bob');
    const until = (at: number) => verifier({ ...settings, hmac_previous_secret_key_valid_until: String(at) });
    assert.equal((await until(now + 1).connection(old)).user, 'ann');
    await refused(until(now).connection(old), 'signature');
    await refused(verifier(settings).connection(await sign({}, 'HS256', Buffer.from('neither'))), 'signature');
  });

  test('without a key nothing is taken', async () => {
    const none = verifier({});
    assert.equal(none.enabled, false);
    await refused(none.connection(await sign({ sub: 'ann' })), 'algorithm');
  });

  test('keys that are not what they are given as are named', () => {
    const bad = (settings: Record<string, string>, text: RegExp): void => {
      assert.throws(
        () => new TokenVerifier(config(settings)),
        (error) => error instanceof TokenError && error.code === 'invalid-key' && text.test(error.message),
      );
    };
    bad({ rsa_public_key: ed25519.pem }, /rsa_public_key: expected a key of type rsa, and it is ed25519/);
    bad({ ecdsa_public_key: ec('secp256k1').pem }, /ecdsa_public_key: expected a key on P-256/);
    bad({ eddsa_public_key: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' }, /eddsa_public_key/);
  });
});

describe('for whom and when', () => {
  test('expired, to the second', async () => {
    await refused(verifier().connection(await sign({ exp: now })), 'expired');
    assert.equal((await verifier().connection(await sign({ exp: now + 1 }))).expireAt, now + 1);
  });

  test('not yet valid', async () => {
    await refused(verifier().connection(await sign({ nbf: now + 1 })), 'not-yet-valid');
    await verifier().connection(await sign({ nbf: now }));
  });

  test('of an audience and of an issuer', async () => {
    const strict = verifier({ hmac_secret_key: secret, audience: 'chat', issuer: 'shop' });
    await strict.connection(await sign({ aud: ['x', 'chat'], iss: 'shop' }));
    await refused(strict.connection(await sign({ aud: 'x', iss: 'shop' })), 'audience');
    await refused(strict.connection(await sign({ iss: 'shop' })), 'audience');
    await refused(strict.connection(await sign({ aud: 'chat', iss: 'other' })), 'issuer');
    await refused(strict.connection(await sign({ aud: 'chat' })), 'issuer');
  });
});

describe('what is no token', () => {
  test('is refused, whatever it is', async () => {
    const any = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(fc.base64String({ maxLength: 30 }), { maxLength: 5 }).map((parts) => parts.join('.')),
      fc
        .tuple(fc.json(), fc.json())
        .map((parts) => parts.map((part) => Buffer.from(part).toString('base64url')).join('.')),
    );
    await fc.assert(
      fc.asyncProperty(any, async (text) => {
        const error: unknown = await verifier()
          .connection(text)
          .catch((reason: unknown) => reason);
        assert(error instanceof TokenError && !error.retryable);
      }),
      { numRuns: 500 },
    );
  });

  test('a token with a character changed is not taken', async () => {
    const token = await sign({ sub: 'ann', exp: now + 60, info: { name: 'Ann' } });
    const place = fc.integer({ min: 0, max: token.length - 2 });
    await fc.assert(
      fc.asyncProperty(place, fc.constantFrom('A', 'z', '-', '.', '='), async (at, character) => {
        fc.pre(token[at] !== character);
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        const error: unknown = await verifier()
          .connection(changed)
          .catch((reason: unknown) => reason);
        assert(error instanceof TokenError, `taken: ${changed}`);
      }),
      { numRuns: 300 },
    );
  });

  test('a refusal never tells the token', async () => {
    const token = await sign({ sub: 'ann' }, 'HS256', Buffer.from('another'));
    const error = await refused(verifier().connection(token), 'signature');
    assert(!JSON.stringify({ message: error.message, stack: error.stack }).includes(token.slice(0, 20)));
  });
});
