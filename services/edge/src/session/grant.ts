import type { NamespaceConfig } from '@pharos/channels';
import type { RawData } from '@pharos/client-protocol';
import type { SubscriptionOverride } from '@pharos/tokens';

/** What a subscription was given with. */
export interface Grant {
  /** Shown to others with the subscription: JSON. */
  readonly info?: RawData | undefined;
  /** Sent to the client with the answer. */
  readonly data?: RawData | undefined;
  /** When it is over unless it is refreshed, in seconds since 1970; undefined: never. */
  readonly expireAt?: number | undefined;
  readonly override?: SubscriptionOverride;
  /** The server's doing, and not the client's. */
  readonly serverSide?: boolean;
}

/** One for all that were given without anything. */
export const plainGrant: Grant = {};

/** The namespace's options, some of them decided by the grant. */
export function optionsUnder({ override }: Grant, options: NamespaceConfig): NamespaceConfig {
  if (override === undefined) return options;
  return {
    ...options,
    presence: override.presence ?? options.presence,
    join_leave: override.joinLeave ?? options.join_leave,
    force_push_join_leave: override.forcePushJoinLeave ?? options.force_push_join_leave,
    force_positioning: override.forcePositioning ?? options.force_positioning,
    force_recovery: override.forceRecovery ?? options.force_recovery,
  };
}
