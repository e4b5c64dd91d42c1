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

function tokenFields(): Readonly<Record<keyof TokenConfig, z.ZodType>> {
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
        'How long a key set is used before it is fetched again; a key id that is not in it has it fetched at once, where that was not in the last 10 seconds (else error 100).',
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

/** The section `token`: who may connect, and subscribe where `subscription_token` has no keys of its own. */
export function tokenSection(): z.ZodType {
  return z.strictObject(tokenFields()).superRefine((config, context) => refuse(config as TokenConfig, context));
}

/** Keys of their own for tokens to subscribe with. */
export interface SubscriptionTokenConfig extends TokenConfig {
  readonly enabled: boolean;
}

/** The section `subscription_token`. */
export function subscriptionTokenSection(): z.ZodType {
  const enabled = z
    .boolean()
    .default(false)
    .describe('Tokens to subscribe with have these keys and rules. Default: those of tokens to connect with.');
  return z.strictObject({ enabled, ...tokenFields() }).superRefine((read, context) => {
    const config = read as SubscriptionTokenConfig;
    refuse(config, context);
    if (!config.enabled && keyOptions.some((name) => config[name] !== undefined)) {
      context.addIssue({ code: 'custom', path: ['enabled'], message: 'expected true where keys are given' });
    }
  });
}

const publicKeys = ['rsa_public_key', 'ecdsa_public_key', 'eddsa_public_key'] as const;
const keyOptions = [...publicKeys, 'hmac_secret_key', 'jwks_public_endpoint'] as const;

/** What the fields can't say one by one. */
function refuse(config: TokenConfig, context: z.RefinementCtx): void {
  const issue = (name: keyof TokenConfig, expected: string): void =>
    context.addIssue({ code: 'custom', path: [name], message: `expected ${expected}` });
  if (config.hmac_previous_secret_key !== undefined && config.hmac_secret_key === undefined) {
    issue('hmac_secret_key', 'a key beside hmac_previous_secret_key');
  }
  if (config.hmac_previous_secret_key_valid_until !== undefined && config.hmac_previous_secret_key === undefined) {
    issue('hmac_previous_secret_key', 'a key beside hmac_previous_secret_key_valid_until');
  }
  if (config.jwks_public_endpoint !== undefined && publicKeys.some((name) => config[name] !== undefined)) {
    issue('jwks_public_endpoint', 'a key set or public keys, not both');
  }
}
