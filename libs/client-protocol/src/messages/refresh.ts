export interface RefreshRequest {
  readonly token: string;
}

export interface RefreshResult {
  readonly client?: string | undefined;
  readonly version?: string | undefined;
  readonly expires?: boolean | undefined;
  readonly ttlSeconds?: number | undefined;
}

export interface SubRefreshRequest {
  readonly channel: string;
  readonly token: string;
}

export interface SubRefreshResult {
  readonly expires?: boolean | undefined;
  readonly ttlSeconds?: number | undefined;
}
