import { duration, secret, url, z } from '@pharos/config';

/** Keys and rules for one kind of token; names as in Centrifugo's configuration where it has the same option. */
export interface TokenConfig {
  readonly hmac_secret_key?: string | undefined;
  readonly hmac_previous_secret_key?: string | undefined;
  readonly hmac_previous_secret_key_valid_until?: number | undefined;
  readonly rsa_public_key?: string | undefined;
  readonly ecdsa_public_key?: string | undefined;
  readonly eddsa_public_key?: string | undefined;
  readonly jwks_public_endpoint?: string | undefined;
  readonly jwks_cache_ttl: number;
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  readonly user_id_claim: string;
}

/** The fields of {@link TokenConfig}. */
export function tokenFields(): Readonly<Record<keyof TokenConfig, z.ZodType>> {
  const pem = (what: string): z.ZodType =>
    z
      .string()
      .startsWith('-----BEGIN PUBLIC KEY-----')
      .optional()
      .describe(`Public key, PEM, for tokens that are signed by ${what}.`);
  return {
    hmac_secret_key: secret().optional().describe('Secret for tokens that are signed by HS256, HS384 or HS512.'),
    hmac_previous_secret_key: secret()
      .optional()
      .describe('The secret before that one, taken as well while tokens of both are about.'),
    hmac_previous_secret_key_valid_until: z
      .int()
      .min(0)
      .optional()
      .describe('Until when it is taken, in seconds since 1970. Default: for ever.'),
    rsa_public_key: pem('RS256, RS384 or RS512'),
    ecdsa_public_key: pem('ES256, ES384 or ES512, by its curve'),
    eddsa_public_key: pem('EdDSA (Ed25519)'),
    jwks_public_endpoint: url('https', 'http')
      .optional()
      .describe(
        'Where a JSON Web Key Set is, for tokens that are signed by RS, ES or EdDSA; the key ids of tokens name the keys.',
      ),
    jwks_cache_ttl: duration({ minMs: 1_000, maxMs: 86_400_000 })
      .default(600_000)
      .describe(
        'How long a key set is used before it is fetched again; a key id that is not in it has it fetched at once.',
      ),
    audience: z.string().min(1).optional().describe('Tokens must have this audience (`aud`).'),
    issuer: z.string().min(1).optional().describe('Tokens must have this issuer (`iss`).'),
    user_id_claim: z
      .string()
      .regex(/^[a-zA-Z_]+$/)
      .default('sub')
      .describe('The claim that holds the user.'),
  };
}

/** What {@link tokenFields} can't say one by one. Returns the field and what is expected of it. */
export function tokenProblem(config: Omit<TokenConfig, 'jwks_cache_ttl'>): readonly [string, string] | undefined {
  if (config.hmac_previous_secret_key !== undefined && config.hmac_secret_key === undefined) {
    return ['hmac_secret_key', 'a key beside hmac_previous_secret_key'];
  }
  if (config.hmac_previous_secret_key_valid_until !== undefined && config.hmac_previous_secret_key === undefined) {
    return ['hmac_previous_secret_key', 'a key beside hmac_previous_secret_key_valid_until'];
  }
  const hasPublicKey = [config.rsa_public_key, config.ecdsa_public_key, config.eddsa_public_key].some(
    (key) => key !== undefined,
  );
  if (config.jwks_public_endpoint !== undefined && hasPublicKey) {
    return ['jwks_public_endpoint', 'a key set or public keys, not both'];
  }
  return undefined;
}
