import { isDeepStrictEqual } from 'node:util';

import { isForUser, isPrivate } from '@pharos/channels';
import {
  type DisconnectCode,
  disconnectCodes,
  type ErrorCode,
  errorCodes,
  type RawData,
} from '@pharos/client-protocol';
import type { Revocations, RevocableToken } from '@pharos/control';
import { type SubscriptionTokenConfig, type TokenConfig, TokenError, TokenVerifier } from '@pharos/tokens';
import type { Counter, Logger } from '@pharos/telemetry';

import type { Grant } from '../session/grant.ts';
import { type ConnectionIdentity, identityOf } from './identity.ts';

/** Who asks, as a token must name it. */
interface Holder {
  readonly id: string;
  readonly user: string;
}

/** A connection that a token allows, with the channels that it is subscribed to by the server. */
export interface Admission {
  readonly identity: ConnectionIdentity;
  readonly subs: ReadonlyMap<string, Grant>;
  /** Sent to the client with the answer. */
  readonly data?: RawData | undefined;
}

/** How a token is refused: by an answer, after which the client may come with another, or by the end of the connection. */
export type Refusal = { readonly error: ErrorCode } | { readonly disconnect: DisconnectCode };

export interface AuthorityOptions {
  readonly connection: TokenConfig;
  readonly subscription: SubscriptionTokenConfig;
  /** Tokens that hold no more. */
  readonly revocations: Revocations;
  readonly verified: Counter<'kind' | 'outcome'>;
  readonly logger: Logger;
}

interface Verifiers {
  /** What they were made of. */
  readonly config: readonly [TokenConfig, SubscriptionTokenConfig];
  readonly connection: TokenVerifier;
  readonly subscription: TokenVerifier;
}

function verifiersOf(connection: TokenConfig, subscription: SubscriptionTokenConfig): Verifiers {
  const verifier = new TokenVerifier(connection);
  return {
    config: [connection, subscription],
    connection: verifier,
    subscription: subscription.enabled ? new TokenVerifier(subscription) : verifier,
  };
}

/** Says what tokens allow. */
export class Authority {
  #verifiers: Verifiers;
  readonly #options: AuthorityOptions;

  /** @throws TokenError `invalid-key` */
  constructor(options: AuthorityOptions) {
    this.#options = options;
    this.#verifiers = verifiersOf(options.connection, options.subscription);
  }

  /** Keys and rules for tokens that come from now on. Where they are the same, key sets stay as they were fetched. @throws TokenError `invalid-key` */
  prepare(connection: TokenConfig, subscription: SubscriptionTokenConfig): () => void {
    const isSame = isDeepStrictEqual(this.#verifiers.config, [connection, subscription]);
    const next = isSame ? this.#verifiers : verifiersOf(connection, subscription);
    return () => (this.#verifiers = next);
  }

  /** Whether clients can come with a token. */
  get enabled(): boolean {
    const { connection, subscription } = this.#verifiers;
    return connection.enabled || subscription.enabled;
  }

  /** What the token of a `connect` allows. */
  async connect(token: string): Promise<Admission | Refusal> {
    try {
      const claims = await this.#verify('connection', () => this.#verifiers.connection.connection(token));
      const subs = [...claims.subs].map(([channel, grant]) => [channel, { ...grant, serverSide: true }] as const);
      return { identity: identityOf(claims), subs: new Map(subs) };
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** A token that prolongs a connection: of the same user. */
  async refresh(holder: Holder, token: string): Promise<ConnectionIdentity | Refusal> {
    try {
      const claims = await this.#verify('refresh', () => this.#verifiers.connection.connection(token));
      return claims.user === holder.user ? identityOf(claims) : { disconnect: disconnectCodes.invalidToken };
    } catch (error) {
      const refusal = refusalOf(error);
      const isExpired = 'error' in refusal && refusal.error === errorCodes.tokenExpired;
      return isExpired ? { disconnect: disconnectCodes.connectionExpired } : refusal;
    }
  }

  /** What a token to subscribe with, or to prolong a subscription with, allows this client in this channel. */
  async subscription(holder: Holder, channel: string, token: string): Promise<Grant | ErrorCode> {
    try {
      const claims = await this.#verify('subscription', () => this.#verifiers.subscription.subscription(token));
      const isFor = claims.user === holder.user && (claims.client === '' || claims.client === holder.id);
      if (claims.channel !== channel || !isFor) return errorCodes.permissionDenied;
      const { info, data, expireAt, override } = claims;
      return { info, data, expireAt, override };
    } catch (error) {
      const refusal = refusalOf(error);
      return 'error' in refusal ? refusal.error : errorCodes.permissionDenied;
    }
  }

  async #verify<T extends RevocableToken>(kind: string, work: () => Promise<T>): Promise<T> {
    const { verified, logger, revocations } = this.#options;
    try {
      const claims = await work();
      if (revocations.isRevoked(claims)) throw new TokenError('revoked', 'the token was revoked');
      verified.inc({ kind, outcome: 'ok' });
      return claims;
    } catch (error) {
      const outcome = error instanceof TokenError ? error.code.replaceAll('-', '_') : 'error';
      verified.inc({ kind, outcome });
      // All else clients can bring about.
      const isOurs = error instanceof TokenError && error.code === 'keys-unavailable';
      logger[isOurs ? 'warn' : 'debug']({ err: error, kind }, 'a token was not taken');
      throw error;
    }
  }
}

/** Whether a channel is one that its name closes to this user: private, or for others. Undefined: the name says nothing of it. */
export function nameAllows(channel: string, user: string, userLimited: boolean): boolean | undefined {
  if (isPrivate(channel)) return false;
  return userLimited ? isForUser(channel, user) : undefined;
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof TokenError)) throw error;
  if (error.code === 'expired') return { error: errorCodes.tokenExpired };
  return error.retryable ? { error: errorCodes.internal } : { disconnect: disconnectCodes.invalidToken };
}
