import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import type { TokenConfig } from './config.ts';
import { TokenError } from './errors.ts';

export interface SigningKey {
  readonly key: KeyObject;
  readonly algorithm: string;
}

/** The secret of the configuration. @throws TokenError `invalid-key` where there is none */
export function hmacSigningKey(config: TokenConfig): SigningKey {
  const secret = config.hmac_secret_key;
  if (secret === undefined)
    throw new TokenError('invalid-key', 'hmac_secret_key is not set, and no private key is given');
  return { key: createSecretKey(secret, 'utf8'), algorithm: 'HS256' };
}

const byType: Readonly<Record<string, string>> = { rsa: 'RS256', ed25519: 'EdDSA' };
const byCurve: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** A private key in PEM, with the algorithm that its kind is for. @throws TokenError `invalid-key` */
export function privateSigningKey(pem: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new TokenError('invalid-key', 'expected a private key in PEM', { cause });
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  const algorithm = byType[key.asymmetricKeyType ?? ''] ?? byCurve[curve];
  if (algorithm !== undefined) return { key, algorithm };
  throw new TokenError('invalid-key', 'expected a private key for RSA, Ed25519, P-256, P-384 or P-521');
}

/** A token as the application's backend makes it. @param claims without `aud` and `iss`, which the rules of `config` give */
export function signToken(claims: JWTPayload, { key, algorithm }: SigningKey, config: TokenConfig): Promise<string> {
  const { audience, issuer } = config;
  const all = {
    ...claims,
    ...(audience === undefined ? {} : { aud: audience }),
    ...(issuer === undefined ? {} : { iss: issuer }),
  };
  return new SignJWT(all).setProtectedHeader({ alg: algorithm, typ: 'JWT' }).sign(key);
}
