import { strict as assert } from 'node:assert';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

import { Deferred, withDeadline } from '@pharos/lifecycle';

import { signedToken } from '../../clients/token.ts';
import { Attacker } from '../attacker.ts';
import { type Attack, Counter, inParallel, type Target } from '../attack.ts';
import { Witness } from '../witness.ts';

const perRound = 3;
const atOnce = 10;
const answerTimeoutMs = 60_000;
const root = { sub: 'root' };
const attackersKeys = generateKeyPairSync('rsa', { modulusLength: 2_048 });

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token with any header and any signature. */
function forged(header: object, claims: object, signature: (signed: string) => string): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${signature(signed)}`;
}

const hmac =
  (key: string, hash = 'sha256') =>
  (signed: string): string =>
    createHmac(hash, key).update(signed).digest('base64url');
const rsa = (signed: string): string =>
  sign('sha256', Buffer.from(signed), attackersKeys.privateKey).toString('base64url');

/** Tokens that must let nobody in, whatever they say. `claims` is of a user, or of a user in a channel. */
function wrongTokens(
  { secret, rsaPublicKey }: Target,
  claims: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const now = Math.floor(Date.now() / 1_000);
  const right = signedToken(claims, secret);
  const [head = '', body = '', signature = ''] = right.split('.');
  const none = (): string => '';
  return {
    'no algorithm': forged({ alg: 'none', typ: 'JWT' }, claims, none),
    'no algorithm, in other letters': forged({ alg: 'nOnE' }, claims, none),
    'no algorithm, with a signature': forged({ alg: 'none' }, claims, hmac(secret)),
    'the public key as a secret': forged({ alg: 'HS256' }, claims, hmac(rsaPublicKey)),
    'the public key as a secret, trimmed': forged({ alg: 'HS256' }, claims, hmac(rsaPublicKey.trim())),
    'the public key as a secret, HS512': forged({ alg: 'HS512' }, claims, hmac(rsaPublicKey, 'sha512')),
    'a secret where a key belongs': forged({ alg: 'RS256' }, claims, hmac(secret)),
    'a key of their own': forged({ alg: 'RS256' }, claims, rsa),
    'a key of their own, brought along': forged(
      { alg: 'RS256', jwk: attackersKeys.publicKey.export({ format: 'jwk' }) },
      claims,
      rsa,
    ),
    'a key from elsewhere': forged({ alg: 'RS256', jku: 'http://127.0.0.1:9/keys', kid: 'x' }, claims, rsa),
    'a key id that is a path': forged({ alg: 'HS256', kid: '../../../dev/null' }, claims, hmac('')),
    'an empty secret': forged({ alg: 'HS256' }, claims, hmac('')),
    'another secret': signedToken(claims, `${secret}x`),
    'a critical header that nobody knows': forged({ alg: 'HS256', crit: ['x'], x: 1 }, claims, hmac(secret)),
    'another claim under the signature': `${head}.${encode({ ...claims, sub: 'admin' })}.${signature}`,
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'four parts': `${right}.${signature}`,
    'another first byte of the signature': `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    expired: signedToken({ ...claims, exp: now - 60 }, secret),
    'not yet valid': signedToken({ ...claims, nbf: now + 3_600 }, secret),
    'an end that is a text': signedToken({ ...claims, exp: `${now + 3_600}` }, secret),
    'no claims': `${head}.${Buffer.from('[]').toString('base64url')}.${signature}`,
    'not a token': 'x'.repeat(10_000),
    nothing: '..',
  };
}

/** Forged and confused tokens, to connect, to subscribe and to refresh with. */
export const tokens: Attack = {
  name: 'tokens',
  run: async (target, rounds) => {
    const counter = new Counter();
    const { secret } = target;
    const connects = Object.entries({
      ...wrongTokens(target, root),
      'a token to subscribe with': signedToken({ ...root, channel: Witness.closed }, secret),
    });
    await inParallel(connects.length * perRound * rounds, atOnce, async (index) => {
      const [what, token] = connects[index % connects.length] as (typeof connects)[number];
      const answer = await answerTo(target, [{ id: 1, connect: { token } }], 1);
      assert.equal(answer.result, undefined, `connected by ${what}`);
      counter.add(`connect: ${answer.how}`);
    });
    const channel = Witness.closed;
    const own = signedToken({ sub: 'mallory' }, secret);
    const subscribes = Object.entries({
      ...wrongTokens(target, { sub: 'mallory', channel }),
      'a token to connect with': own,
      'a token of another channel': signedToken({ sub: 'mallory', channel: '$other' }, secret),
      'a token of another user': signedToken({ sub: 'witness', channel }, secret),
    });
    await inParallel(subscribes.length * perRound * rounds, atOnce, async (index) => {
      const [what, token] = subscribes[index % subscribes.length] as (typeof subscribes)[number];
      const commands = [
        { id: 1, connect: { token: own } },
        { id: 2, subscribe: { channel, token } },
      ];
      const answer = await answerTo(target, commands, 2);
      assert.equal(answer.result, undefined, `subscribed by ${what}`);
      counter.add(`subscribe: ${answer.how}`);
    });
    const refreshes = Object.entries({
      ...wrongTokens(target, { sub: 'mallory' }),
      'a token of another user': signedToken(root, secret),
      'a token to subscribe with': signedToken({ sub: 'mallory', channel }, secret),
    });
    const expiring = signedToken({ sub: 'mallory', exp: Math.floor(Date.now() / 1_000) + 600 }, secret);
    await inParallel(refreshes.length * perRound * rounds, atOnce, async (index) => {
      const [what, token] = refreshes[index % refreshes.length] as (typeof refreshes)[number];
      const commands = [
        { id: 1, connect: { token: expiring } },
        { id: 2, refresh: { token } },
      ];
      const answer = await answerTo(target, commands, 2);
      assert.equal(answer.result, undefined, `refreshed by ${what}`);
      counter.add(`refresh: ${answer.how}`);
    });
    return counter.counts;
  },
};

interface Answer {
  /** What was given, where something was. */
  readonly result: unknown;
  /** The error or the close code. */
  readonly how: string;
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number };
  readonly connect?: unknown;
  readonly subscribe?: unknown;
  readonly refresh?: unknown;
}

/** How the command `id`, the last of them, was answered, or that the connection was ended for it. */
async function answerTo({ edge }: Target, commands: readonly object[], id: number): Promise<Answer> {
  const answered = new Deferred<Answer>();
  const onMessage = (message: Buffer): void => {
    for (const line of message.toString('utf8').split('\n')) {
      const reply = JSON.parse(line) as Reply;
      if (reply.id !== id) continue;
      const result = reply.connect ?? reply.subscribe ?? reply.refresh;
      answered.resolve({ result, how: reply.error === undefined ? 'done' : `error ${reply.error.code}` });
    }
  };
  const attacker = await Attacker.open({ port: edge.port, onMessage });
  attacker.sendText(commands.map((command) => JSON.stringify(command)).join('\n'));
  const end = attacker.ended().then((code) => ({ result: undefined, how: `ended ${code ?? 'without a code'}` }));
  // Where it was answered, its end comes by the line below.
  end.catch(() => undefined);
  try {
    return await withDeadline(Promise.race([answered.promise, end]), answerTimeoutMs, 'an answer to a token');
  } finally {
    attacker.destroy();
  }
}
