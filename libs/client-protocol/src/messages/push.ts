import type { ClientInfo } from './client-info.ts';
import type { ConnectResult } from './connect.ts';
import type { Publication } from './publication.ts';
import type { RawData } from './raw-data.ts';

export interface SubscribePush {
  readonly recoverable?: boolean | undefined;
  readonly epoch?: string | undefined;
  readonly offset?: number | undefined;
  readonly positioned?: boolean | undefined;
  readonly data?: RawData | undefined;
}

export interface UnsubscribePush {
  /** See `unsubscribeCodes`; 2500 and more make the client subscribe again. */
  readonly code: number;
  readonly reason: string;
}

export interface DisconnectPush {
  /** See `disconnectCodes`. */
  readonly code: number;
  readonly reason: string;
  readonly reconnect?: boolean | undefined;
}

export interface RefreshPush {
  readonly expires?: boolean | undefined;
  readonly ttlSeconds?: number | undefined;
}

/** What a push about a channel begins with: the channel, or with channel compaction the number of the subscription. */
export interface ChannelRef {
  readonly channel: string;
  /** Replaces `channel` on the wire where it isn't 0. */
  readonly id?: number | undefined;
}

/** A message from the server that answers no command; tell them apart by `kind`, which is the name on the wire. */
export type Push =
  | (ChannelRef & { readonly kind: 'pub'; readonly publication: Publication })
  | (ChannelRef & { readonly kind: 'join' | 'leave'; readonly info: ClientInfo })
  | (ChannelRef & { readonly kind: 'unsubscribe'; readonly unsubscribe: UnsubscribePush })
  | (ChannelRef & { readonly kind: 'subscribe'; readonly subscribe: SubscribePush })
  | { readonly kind: 'message'; readonly data: RawData }
  | { readonly kind: 'connect'; readonly connect: ConnectResult }
  | { readonly kind: 'disconnect'; readonly disconnect: DisconnectPush }
  | { readonly kind: 'refresh'; readonly refresh: RefreshPush };
