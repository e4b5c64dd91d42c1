import type { RawData } from './raw-data.ts';
import type { SubscribeRequest, SubscribeResult } from './subscribe.ts';

export interface ConnectRequest {
  /** JWT; empty: none. */
  readonly token: string;
  readonly data: RawData | undefined;
  /** Positions of server-side subscriptions to recover, by channel. */
  readonly subs: ReadonlyMap<string, SubscribeRequest>;
  /** Name of the client's software. */
  readonly name: string;
  readonly version: string;
  /** Headers that a browser can't set on the handshake. */
  readonly headers: ReadonlyMap<string, string>;
  readonly flag: number;
}

export interface ConnectResult {
  /** Id of the connection. */
  readonly client: string;
  readonly version?: string | undefined;
  readonly expires?: boolean | undefined;
  readonly ttlSeconds?: number | undefined;
  readonly data?: RawData | undefined;
  /** Server-side subscriptions, by channel. */
  readonly subs?: ReadonlyMap<string, SubscribeResult> | undefined;
  /** The server pings this often. */
  readonly pingSeconds?: number | undefined;
  /** The client is to answer pings. */
  readonly pong?: boolean | undefined;
  /** For the emulation of two-way transports: where and as what the client's commands are to be sent. */
  readonly session?: string | undefined;
  readonly node?: string | undefined;
  /** Milliseconds since 1970. */
  readonly timeMs?: number | undefined;
}
