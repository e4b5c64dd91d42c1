export type { ConnectionClaims, SubscriptionClaims, SubscriptionGrant, SubscriptionOverride } from './claims.ts';
export { type TokenConfig, tokenFields, tokenProblem } from './config.ts';
export { TokenError, type TokenErrorCode, tokenErrors } from './errors.ts';
export { TokenVerifier } from './verifier.ts';
