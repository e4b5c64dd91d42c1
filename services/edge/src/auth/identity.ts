import type { RevocableToken } from '@pharos/control';
import type { RawData } from '@pharos/client-protocol';
import type { ConnectionClaims } from '@pharos/tokens';

/** Who a connection is of. */
export interface ConnectionIdentity {
  /** Empty: anonymous. */
  readonly user: string;
  /** Shown to others with the connection: JSON. */
  readonly info: RawData | undefined;
  /** When the connection is over unless it is refreshed, in seconds since 1970; undefined: never. */
  readonly expireAt: number | undefined;
  /** What it can be revoked by; undefined where it came without a token. */
  readonly token: RevocableToken | undefined;
}

/** One for all: most connections of an open server have no other. */
export const anonymous: ConnectionIdentity = { user: '', info: undefined, expireAt: undefined, token: undefined };

export function identityOf({ user, info, expireAt, id, issuedAt }: ConnectionClaims): ConnectionIdentity {
  return { user, info, expireAt, token: { user, id, issuedAt } };
}
