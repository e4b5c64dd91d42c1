import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JWTPayload } from 'jose';
import { now, refused, secret, sign, verifier } from './support.ts';

const text = (data: Buffer | undefined): string | undefined => data?.toString('utf8');

describe('a token to connect with', () => {
  test('says who, until when, and what others see', async () => {
    const claims = await verifier().connection(
      await sign({ sub: 'ann', exp: now + 60, iat: now - 5, jti: 'j1', info: { name: 'Ann' }, meta: { plan: 'pro' } }),
    );
    assert.deepEqual(
      { ...claims, info: text(claims.info), meta: text(claims.meta), subs: [...claims.subs] },
      {
        user: 'ann',
        id: 'j1',
        issuedAt: now - 5,
        expireAt: now + 60,
        info: '{"name":"Ann"}',
        meta: '{"plan":"pro"}',
        subs: [],
      },
    );
  });

  test('without a user is anonymous', async () => {
    assert.equal((await verifier().connection(await sign({}))).user, '');
  });

  test('may name the user elsewhere', async () => {
    const other = verifier({ hmac_secret_key: secret, user_id_claim: 'uid' });
    assert.equal((await other.connection(await sign({ sub: 'x', uid: 'ann' }))).user, 'ann');
  });

  test('expire_at wins over exp, and 0 is never', async () => {
    const at = async (claims: object) => (await verifier().connection(await sign({ ...claims }))).expireAt;
    assert.equal(await at({ exp: now + 60, expire_at: now + 3_600 }), now + 3_600);
    assert.equal(await at({ exp: now + 60, expire_at: 0 }), undefined);
    assert.equal(await at({ exp: now + 60.7 }), now + 60);
    assert.equal(await at({}), undefined);
  });

  test('b64info wins over info, and is JSON in the end whatever its bytes are', async () => {
    const seen = async (bytes: Buffer): Promise<string | undefined> =>
      text((await verifier().connection(await sign({ info: {}, b64info: bytes.toString('base64') }))).info);
    assert.equal(await seen(Buffer.from('{"a": 1}')), '{"a": 1}');
    assert.equal(await seen(Buffer.from('{"a": 1')), '"{\\"a\\": 1"');
    assert.equal(await seen(Buffer.from([0, 255, 10])), '"AP8K"');
    await refused(verifier().connection(await sign({ b64info: '***' })), 'claims');
  });

  test('info goes out as it was written, but for line breaks', async () => {
    const payload = Buffer.from('{"info": {"n": 1.0,\n "big": 12345678901234567890}}').toString('base64url');
    const { createHmac } = await import('node:crypto');
    const head = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${payload}`;
    const token = `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
    assert.equal(text((await verifier().connection(token)).info), '{"n": 1.0,  "big": 12345678901234567890}');
  });

  test('lists channels, with options for some', async () => {
    const claims = await verifier().connection(
      await sign({
        channels: ['a'],
        subs: { 'b:1': { info: { role: 'x' }, data: 'hi', override: { presence: { value: true } } } },
      }),
    );
    assert.deepEqual([...claims.subs.keys()], ['a', 'b:1']);
    const grant = claims.subs.get('b:1');
    assert.equal(text(grant?.info), '{"role":"x"}');
    assert.equal(text(grant?.data), '"hi"');
    assert.deepEqual(grant?.override, { presence: true });
  });

  test('is not one for a channel', async () => {
    await refused(verifier().connection(await sign({ sub: 'ann', channel: 'a' })), 'claims');
  });
});

describe('a token to subscribe with', () => {
  test('is for one channel, and may be for one client', async () => {
    const claims = await verifier().subscription(
      await sign({ sub: 'ann', channel: 'a', client: 'c1', override: { force_recovery: { value: false } } }),
    );
    assert.equal(claims.channel, 'a');
    assert.equal(claims.client, 'c1');
    assert.deepEqual(claims.override, { forceRecovery: false });
    await refused(verifier().subscription(await sign({ sub: 'ann' })), 'claims');
  });
});

test('claims of the wrong type are refused by name', async () => {
  for (const [claims, name] of [
    [{ sub: 7 }, /sub/],
    [{ channels: 'a' }, /channels/],
    [{ subs: { a: 1 } }, /subs\["a"\]/],
    [{ subs: { a: { override: { presence: { value: 'yes' } } } } }, /presence\.value/],
    [{ expire_at: -1 }, /expire_at/],
    [{ expire_at: 'soon' }, /expire_at/],
    [{ jti: {} }, /jti/],
  ] as const) {
    const { message } = await refused(
      verifier().connection(await sign({ ...claims } as unknown as JWTPayload)),
      'claims',
    );
    assert.match(message, name);
  }
});
