import { errors, jwtVerify, type JWTVerifyOptions } from 'jose';
import { type ConnectionClaims, connectionClaims, type SubscriptionClaims, subscriptionClaims } from './claims.ts';
import type { TokenConfig } from './config.ts';
import { TokenError, type TokenErrorCode } from './errors.ts';
import { Keys } from './keys.ts';

/** Tells the time in milliseconds since 1970. */
export type Clock = () => number;

/** Verifies the tokens of one kind: by whom they are signed, for whom, until when; and reads what they say. */
export class TokenVerifier {
  readonly #config: TokenConfig;
  readonly #keys: Keys;
  readonly #now: Clock;

  /** @throws TokenError `invalid-key` */
  constructor(config: TokenConfig, now: Clock = Date.now) {
    this.#config = config;
    this.#keys = new Keys(config);
    this.#now = now;
  }

  /** Whether it has a key at all. */
  get enabled(): boolean {
    return !this.#keys.isEmpty;
  }

  /** @throws TokenError */
  async connection(token: string): Promise<ConnectionClaims> {
    return connectionClaims(await this.#verified(token), this.#config.user_id_claim);
  }

  /** @throws TokenError */
  async subscription(token: string): Promise<SubscriptionClaims> {
    return subscriptionClaims(await this.#verified(token), this.#config.user_id_claim);
  }

  /** The payload as it was signed. */
  async #verified(token: string): Promise<Buffer> {
    if (!this.enabled) throw new TokenError('algorithm', 'no key for tokens is configured');
    const { audience, issuer } = this.#config;
    const now = this.#now();
    const options: JWTVerifyOptions = {
      algorithms: this.#keys.algorithms,
      currentDate: new Date(now),
      ...(audience === undefined ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
    };
    try {
      await jwtVerify(token, this.#keys.find, options);
    } catch (error) {
      const previous = this.#keys.previousHmac(now);
      if (previous === undefined || !(error instanceof errors.JWSSignatureVerificationFailed))
        throw this.#tokenError(error);
      try {
        await jwtVerify(token, previous, { ...options, algorithms: ['HS256', 'HS384', 'HS512'] });
      } catch (second) {
        throw this.#tokenError(second instanceof errors.JOSEAlgNotAllowed ? error : second);
      }
    }
    const [, payload = ''] = token.split('.', 2);
    return Buffer.from(payload, 'base64url');
  }

  #tokenError(error: unknown): TokenError {
    if (error instanceof TokenError) return error;
    // Who it was, with all that is told of them, would be in the log with the cause.
    if (error instanceof errors.JOSEError) Reflect.deleteProperty(error, 'payload');
    const known = knownTokenError(error);
    if (known !== undefined) return known;
    // What is left is a fetch that failed, in one of many ways; without a key set, a token that jose stumbles over.
    return this.#config.jwks_public_endpoint === undefined
      ? new TokenError('malformed', 'the token can not be read', { cause: error })
      : new TokenError('keys-unavailable', 'the key set can not be had', { cause: error });
  }
}

const byClaim: Readonly<Record<string, TokenErrorCode>> = { aud: 'audience', iss: 'issuer', nbf: 'not-yet-valid' };

/** What jose threw, by our names. Never with the token in it, which is a credential. */
function knownTokenError(error: unknown): TokenError | undefined {
  const make = (code: TokenErrorCode, message: string): TokenError => new TokenError(code, message, { cause: error });
  if (error instanceof errors.JWTExpired) return make('expired', 'the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return make(byClaim[error.claim] ?? 'claims', `the token's claim ${error.claim} is not as it must be`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return make('signature', 'the signature is not ours');
  if (error instanceof errors.JOSEAlgNotAllowed) return make('algorithm', "the token's algorithm is not allowed");
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return make('unknown-key', 'the key set has no such key');
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return make('malformed', 'this is no signed JSON Web Token');
  }
  if (error instanceof errors.JOSENotSupported) return make('algorithm', 'the token asks for what is not supported');
  return undefined;
}
