import type { ConnectRequest } from './connect.ts';
import type { HistoryRequest } from './history.ts';
import type { PresenceRequest, PresenceStatsRequest } from './presence.ts';
import type { PublishRequest } from './publish.ts';
import type { RefreshRequest, SubRefreshRequest } from './refresh.ts';
import type { RpcRequest, SendRequest } from './rpc.ts';
import type { SubscribeRequest, UnsubscribeRequest } from './subscribe.ts';

/** What a client may ask for, with the request of each, by the name on the wire. */
export interface CommandRequests {
  readonly connect: ConnectRequest;
  readonly subscribe: SubscribeRequest;
  readonly unsubscribe: UnsubscribeRequest;
  readonly publish: PublishRequest;
  readonly presence: PresenceRequest;
  readonly presence_stats: PresenceStatsRequest;
  readonly history: HistoryRequest;
  readonly ping: Readonly<Record<string, never>>;
  readonly send: SendRequest;
  readonly rpc: RpcRequest;
  readonly refresh: RefreshRequest;
  readonly sub_refresh: SubRefreshRequest;
}

export type CommandMethod = keyof CommandRequests;

/** A command of one method. `id` is 1 to 2^32 − 1; with `send`, which has no reply, it may be 0. */
export interface CommandOf<Method extends CommandMethod> {
  readonly method: Method;
  readonly id: number;
  readonly request: CommandRequests[Method];
}

/** The client's answer to the server's ping: an empty object on the wire. */
export interface Pong {
  readonly method: 'pong';
}

/** A command of any method. */
export type AnyCommand = { [Method in CommandMethod]: CommandOf<Method> }[CommandMethod];

/** Whatever a client can send; tell them apart by `method`. */
export type Command = Pong | AnyCommand;
