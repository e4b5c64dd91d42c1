import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { eventually } from '@pharos/testkit';
import type { JWK } from 'jose';
import { ec, ed25519, type Keys, refused, rsa, sign, verifier } from './support.ts';

let server: Server;
let endpoint: string;
let keys: JWK[] = [];
let fetches = 0;
let status = 200;

before(async () => {
  server = createServer((_request, response) => {
    fetches++;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  endpoint = `http://127.0.0.1:${address.port}/keys`;
});

after(() => server.close());

beforeEach(() => {
  keys = [];
  fetches = 0;
  status = 200;
});

const p256 = ec('prime256v1');
const jwk = ({ publicKey }: Keys, kid: string, alg: string): JWK => ({
  ...(publicKey.export({ format: 'jwk' }) as JWK),
  kid,
  alg,
});

describe('a key set', () => {
  test('has keys of every kind, found by their ids and fetched once', async () => {
    keys = [jwk(rsa, 'r', 'RS256'), jwk(p256, 'e', 'ES256'), jwk(ed25519, 'd', 'EdDSA')];
    const remote = verifier({ jwks_public_endpoint: endpoint });
    for (const [kid, alg, { privateKey }] of [
      ['r', 'RS256', rsa],
      ['e', 'ES256', p256],
      ['d', 'EdDSA', ed25519],
    ] as const) {
      assert.equal((await remote.connection(await sign({ sub: kid }, alg, privateKey, kid))).user, kid);
    }
    assert.equal(fetches, 1);
  });

  test('that is rotated is fetched again, and old keys are no longer taken', async () => {
    keys = [jwk(p256, 'old', 'ES256')];
    const remote = verifier({ jwks_public_endpoint: endpoint, jwks_cache_ttl: '1s' });
    const old = await sign({ sub: 'ann' }, 'ES256', p256.privateKey, 'old');
    await remote.connection(old);
    const next = ec('prime256v1');
    keys = [jwk(next, 'new', 'ES256')];
    const fresh = await sign({ sub: 'bob' }, 'ES256', next.privateKey, 'new');
    // The key id is the client's choice, so an unknown one has the set fetched only now and again.
    await eventually(() => remote.connection(fresh), 'the new key');
    await eventually(async () => {
      const error = await refused(remote.connection(old), 'unknown-key');
      return error.retryable ? undefined : error;
    }, 'that it is final once the set was asked for it');
  });

  test('that was fetched a moment ago has whoever brings a newer key come again, and is not fetched for each', async () => {
    keys = [jwk(p256, 'old', 'ES256')];
    const remote = verifier({ jwks_public_endpoint: endpoint });
    await remote.connection(await sign({ sub: 'ann' }, 'ES256', p256.privateKey, 'old'));
    const next = ec('prime256v1');
    const fresh = await sign({ sub: 'bob' }, 'ES256', next.privateKey, 'new');
    for (let round = 0; round < 3; round++) {
      assert.equal((await refused(remote.connection(fresh), 'unknown-key')).retryable, true);
    }
    assert.equal(fetches, 1);
  });

  test('does not make secrets of public keys', async () => {
    keys = [jwk(rsa, 'r', 'RS256')];
    const remote = verifier({ jwks_public_endpoint: endpoint });
    await refused(remote.connection(await sign({}, 'HS256', Buffer.from(rsa.pem), 'r')), 'algorithm');
  });

  test('that holds a secret does not make it a key', async () => {
    keys = [{ kty: 'oct', k: Buffer.from('s').toString('base64url'), kid: 's', alg: 'HS256' }];
    const remote = verifier({ jwks_public_endpoint: endpoint });
    await refused(remote.connection(await sign({}, 'HS256', Buffer.from('s'), 's')), 'algorithm');
  });

  test('that can not be had is worth trying again', async () => {
    status = 500;
    const remote = verifier({ jwks_public_endpoint: endpoint });
    const token = await sign({ sub: 'ann' }, 'ES256', p256.privateKey, 'e');
    const error = await refused(remote.connection(token), 'keys-unavailable');
    assert.equal(error.retryable, true);
    status = 200;
    keys = [jwk(p256, 'e', 'ES256')];
    assert.equal((await remote.connection(token)).user, 'ann');
  });
});
