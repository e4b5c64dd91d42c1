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
  /** What the application's backend is to be told with each question: JSON that clients never see. */
  readonly meta: RawData | undefined;
  /** What it can be revoked by; undefined where it came without a token. */
  readonly token: RevocableToken | undefined;
}

/** One for all: most connections of an open server have no other. */
export const anonymous: ConnectionIdentity = {
  user: '',
  info: undefined,
  expireAt: undefined,
  meta: undefined,
  token: undefined,
};

export function identityOf({ user, info, expireAt, meta, id, issuedAt }: ConnectionClaims): ConnectionIdentity {
  return { user, info, expireAt, meta, token: { user, id, issuedAt } };
}
