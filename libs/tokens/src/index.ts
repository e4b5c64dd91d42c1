export type { ConnectionClaims, SubscriptionClaims, SubscriptionGrant, SubscriptionOverride } from './claims.ts';
export { subscriptionOverride } from './claims.ts';
export {
  type SubscriptionTokenConfig,
  subscriptionTokenSection,
  type TokenConfig,
  tokenSection,
} from './config.ts';
export { TokenError, type TokenErrorCode, tokenErrors } from './errors.ts';
export { hmacSigningKey, privateSigningKey, type SigningKey, signToken } from './signer.ts';
export { TokenVerifier } from './verifier.ts';
