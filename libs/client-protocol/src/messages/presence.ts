import type { ClientInfo } from './client-info.ts';

export interface PresenceRequest {
  readonly channel: string;
}

export interface PresenceResult {
  /** By id of the connection. */
  readonly presence: ReadonlyMap<string, ClientInfo>;
}

export interface PresenceStatsRequest {
  readonly channel: string;
}

export interface PresenceStatsResult {
  readonly numClients: number;
  readonly numUsers: number;
}
