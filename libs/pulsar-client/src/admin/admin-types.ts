export interface PulsarAdminConfig {
  /** `http://host:8080`, without a path. */
  readonly adminUrl: string;
  /** How long one call may take. @default 10000 */
  readonly timeoutMs?: number;
}

/** −1 means no limit; 0 and 0: nothing is kept once it is consumed. */
export interface RetentionPolicy {
  readonly retentionTimeInMinutes: number;
  readonly retentionSizeInMB: number;
}
