import type { ConnectResult } from './connect.ts';
import type { HistoryResult } from './history.ts';
import type { PresenceResult, PresenceStatsResult } from './presence.ts';
import type { RefreshResult, SubRefreshResult } from './refresh.ts';
import type { RpcResult } from './rpc.ts';
import type { SubscribeResult } from './subscribe.ts';

export type EmptyResult = Readonly<Record<string, never>>;

/** The result of each command that has one, by the name on the wire. */
export interface CommandResults {
  readonly connect: ConnectResult;
  readonly subscribe: SubscribeResult;
  readonly unsubscribe: EmptyResult;
  readonly publish: EmptyResult;
  readonly presence: PresenceResult;
  readonly presence_stats: PresenceStatsResult;
  readonly history: HistoryResult;
  readonly ping: EmptyResult;
  readonly rpc: RpcResult;
  readonly refresh: RefreshResult;
  readonly sub_refresh: SubRefreshResult;
}

export type ReplyMethod = keyof CommandResults;

export interface ReplyOf<Method extends ReplyMethod> {
  readonly method: Method;
  /** Of the command that it answers. */
  readonly id: number;
  readonly result: CommandResults[Method];
}

export interface ReplyError {
  /** See `errorCodes`; 400 to 1999 belong to applications. */
  readonly code: number;
  readonly message: string;
  /** The same command may succeed later. */
  readonly temporary?: boolean | undefined;
}

export interface ErrorReply {
  readonly method: 'error';
  readonly id: number;
  readonly error: ReplyError;
}

export type Reply = ErrorReply | { [Method in ReplyMethod]: ReplyOf<Method> }[ReplyMethod];
