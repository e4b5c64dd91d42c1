import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { loadConfig, z } from '@pharos/config';
import { describeError } from '@pharos/errors';
import { type JWTPayload, SignJWT } from 'jose';
import { type TokenConfig, TokenError, type TokenErrorCode, tokenSection, TokenVerifier } from '../src/index.ts';

export const secret = 'a secret of the backend and of Pharos';
/** Seconds since 1970 at which all tests happen. */
export const now = 1_800_000_000;

export function config(settings: Readonly<Record<string, string>>): TokenConfig {
  const schema = z.strictObject({ token: tokenSection() });
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`PHAROS_TOKEN_${name.toUpperCase()}`, value]),
  );
  return loadConfig(schema, { env }).token as TokenConfig;
}

export function verifier(settings: Readonly<Record<string, string>> = { hmac_secret_key: secret }): TokenVerifier {
  return new TokenVerifier(config(settings), () => now * 1_000);
}

export interface Keys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly pem: string;
}

function pair({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Keys {
  return { privateKey, publicKey, pem: publicKey.export({ type: 'spki', format: 'pem' }) as string };
}

export const rsa: Keys = pair(generateKeyPairSync('rsa', { modulusLength: 2_048 }));
export const ec = (namedCurve: string): Keys => pair(generateKeyPairSync('ec', { namedCurve }));
export const ed25519: Keys = pair(generateKeyPairSync('ed25519'));

export function sign(
  claims: JWTPayload,
  alg = 'HS256',
  key: KeyObject | Uint8Array = Buffer.from(secret),
  kid?: string,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(key);
}

export async function refused(work: Promise<unknown>, code: TokenErrorCode): Promise<TokenError> {
  const error: unknown = await work.then(
    () => assert.fail('the token was taken'),
    (reason: unknown) => reason,
  );
  assert(error instanceof TokenError, describeError(error));
  assert.equal(error.code, code, error.message);
  return error;
}
