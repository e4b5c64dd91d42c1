import type { FilterNode } from './filter.ts';
import type { Publication } from './publication.ts';
import type { RawData } from './raw-data.ts';

/** Bits of `SubscribeRequest.flag`. */
export const subscribeFlags = {
  /** The reply carries a numeric `id` which later pushes carry in place of the channel. */
  channelCompaction: 1,
  /** A position that can't be recovered is answered with error 112 in place of `recovered: false`. */
  rejectUnrecovered: 2,
} as const;

export interface SubscribeRequest {
  readonly channel: string;
  /** JWT; empty: none. */
  readonly token: string;
  readonly recover: boolean;
  readonly epoch: string;
  readonly offset: number;
  readonly data: RawData | undefined;
  readonly positioned: boolean;
  readonly recoverable: boolean;
  readonly joinLeave: boolean;
  /** Delta format that the client can apply (`fossil`); empty: none. */
  readonly delta: string;
  readonly filter: FilterNode | undefined;
  /** See {@link subscribeFlags}. */
  readonly flag: number;
}

export interface SubscribeResult {
  readonly expires?: boolean | undefined;
  readonly ttlSeconds?: number | undefined;
  readonly recoverable?: boolean | undefined;
  readonly epoch?: string | undefined;
  /** What was missed, oldest first; all of it or nothing. */
  readonly publications?: readonly Publication[] | undefined;
  readonly recovered?: boolean | undefined;
  readonly offset?: number | undefined;
  readonly positioned?: boolean | undefined;
  readonly data?: RawData | undefined;
  readonly wasRecovering?: boolean | undefined;
  readonly delta?: boolean | undefined;
  /** Number of the subscription with channel compaction. */
  readonly id?: number | undefined;
}

export interface UnsubscribeRequest {
  readonly channel: string;
}
