import { PharosError, type PharosErrorOptions } from '@pharos/errors';

/** Why a token is not taken. */
export const tokenErrors = {
  malformed: { retryable: false, description: 'The text is no JSON Web Token that is signed.' },
  algorithm: {
    retryable: false,
    description: 'The token is signed by an algorithm for which no key is configured, or by none.',
  },
  'unknown-key': {
    retryable: false,
    description:
      'The key set has no key of the id that the token names. To be tried again where the set was fetched in the last 10 seconds.',
  },
  signature: { retryable: false, description: 'The signature is not of a configured key, or the token was changed.' },
  revoked: { retryable: false, description: 'The token was revoked.' },
  expired: { retryable: false, description: 'The token has expired: the client is to get another one.' },
  'not-yet-valid': { retryable: false, description: 'The token is valid from a later time on.' },
  audience: { retryable: false, description: 'The token is for somebody else.' },
  issuer: { retryable: false, description: 'The token is of another issuer.' },
  claims: { retryable: false, description: 'A claim is missing, of the wrong type, or not one of such a token.' },
  'keys-unavailable': { retryable: true, description: 'The endpoint of the key set does not answer as it should.' },
  'invalid-key': { retryable: false, description: 'A configured key can not be used.' },
} as const;

export type TokenErrorCode = keyof typeof tokenErrors;

/** What verifying a token throws; `code` is one of {@link tokenErrors}. */
export class TokenError extends PharosError<TokenErrorCode> {
  constructor(code: TokenErrorCode, message: string, options?: PharosErrorOptions) {
    super(tokenErrors, code, message, options);
  }
}
