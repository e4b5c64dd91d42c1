import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import type { TokenConfig } from './config.ts';
import { TokenError } from './errors.ts';

/** How long fetching a key set may take. */
const jwksTimeoutMs = 5_000;
/** An unknown key id has the set fetched again, at most so often: ids are the client's choice. */
const jwksCooldownMs = 10_000;

/** Below it no signature is taken (RFC 7518, 3.3). */
const leastRsaBits = 2_048;

const curves: Readonly<Record<string, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };

/** A key, and the algorithms that it is for: no other may use it, so that a public key is never taken for a secret. */
interface Key {
  readonly algorithms: readonly string[];
  readonly find: JWTVerifyGetKey;
}

/** The keys of one kind of token. */
export class Keys {
  readonly #keys: readonly Key[];
  readonly #previousHmac: KeyObject | undefined;
  readonly #previousUntilMs: number;

  /** @throws TokenError `invalid-key` */
  constructor(config: TokenConfig) {
    const keys: Key[] = [];
    if (config.hmac_secret_key !== undefined) {
      keys.push(fixed(['HS256', 'HS384', 'HS512'], secretKey(config.hmac_secret_key)));
    }
    if (config.rsa_public_key !== undefined) {
      const key = publicKey('rsa_public_key', config.rsa_public_key, 'rsa');
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (bits < leastRsaBits) throw invalid('rsa_public_key', `${leastRsaBits} bits at least, and it has ${bits}`);
      keys.push(fixed(['RS256', 'RS384', 'RS512'], key));
    }
    if (config.ecdsa_public_key !== undefined) {
      const key = publicKey('ecdsa_public_key', config.ecdsa_public_key, 'ec');
      const algorithm = Object.keys(curves).find((name) => curves[name] === key.asymmetricKeyDetails?.namedCurve);
      if (algorithm === undefined) throw invalid('ecdsa_public_key', 'a key on P-256, P-384 or P-521');
      keys.push(fixed([algorithm], key));
    }
    if (config.eddsa_public_key !== undefined) {
      keys.push(fixed(['EdDSA', 'Ed25519'], publicKey('eddsa_public_key', config.eddsa_public_key, 'ed25519')));
    }
    if (config.jwks_public_endpoint !== undefined)
      keys.push(remote(config.jwks_public_endpoint, config.jwks_cache_ttl));
    this.#keys = keys;
    const { hmac_previous_secret_key: previous, hmac_previous_secret_key_valid_until: until } = config;
    this.#previousHmac = previous === undefined ? undefined : secretKey(previous);
    this.#previousUntilMs = until === undefined ? Infinity : until * 1_000;
  }

  /** Without any, no token can be taken. */
  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  get algorithms(): string[] {
    return this.#keys.flatMap(({ algorithms }) => algorithms);
  }

  /** What jose asks for each token. */
  readonly find: JWTVerifyGetKey = (header, token) => {
    const key = this.#keys.find(({ algorithms }) => algorithms.includes(header.alg));
    if (key === undefined) throw new TokenError('algorithm', `there is no key for ${header.alg}`);
    return key.find(header, token);
  };

  /** The secret that was in use before, while it is still taken. */
  previousHmac(nowMs: number): KeyObject | undefined {
    return nowMs < this.#previousUntilMs ? this.#previousHmac : undefined;
  }
}

function fixed(algorithms: readonly string[], key: KeyObject): Key {
  return { algorithms, find: () => key };
}

function remote(endpoint: string, cacheMaxAge: number): Key {
  const keySet = createRemoteJWKSet(new URL(endpoint), {
    cacheMaxAge,
    cooldownDuration: Math.min(jwksCooldownMs, cacheMaxAge),
    timeoutDuration: jwksTimeoutMs,
  });
  const find: JWTVerifyGetKey = async (header, token) => {
    const wasJustFetched = keySet.fresh && keySet.coolingDown;
    try {
      return await keySet(header, token);
    } catch (error) {
      if (!wasJustFetched || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // It may be a key since then: not to be taken for a forged one, after which clients don't come back.
      const message = 'the key set, fetched a moment ago, has no such key';
      throw new TokenError('unknown-key', message, { cause: error, retryable: true });
    }
  };
  return {
    algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
    find,
  };
}

function secretKey(secret: string): KeyObject {
  return createSecretKey(secret, 'utf8');
}

function publicKey(option: string, pem: string, type: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw invalid(option, 'a public key in PEM', cause);
  }
  if (key.asymmetricKeyType !== type) {
    throw invalid(option, `a key of type ${type}, and it is ${key.asymmetricKeyType ?? 'unknown'}`);
  }
  return key;
}

function invalid(option: string, expected: string, cause?: unknown): TokenError {
  return new TokenError('invalid-key', `${option}: expected ${expected}`, { cause });
}
