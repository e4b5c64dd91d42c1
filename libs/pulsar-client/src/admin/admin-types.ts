import type { Fetch } from './http.ts';

export interface PulsarAdminConfig {
  /** `http://host:8080`, without a path. */
  readonly adminUrl: string;
  /** How long one call may take. @default 10000 */
  readonly timeoutMs?: number;
  /** For credentials or a proxy. @default Node's own */
  readonly fetch?: Fetch;
}

/** Names and values of a topic's own properties, or of a broker's settings. */
export type Properties = Readonly<Record<string, string>>;

/** −1 means no limit; 0 and 0: nothing is kept once it is consumed. */
export interface RetentionPolicy {
  readonly retentionTimeInMinutes: number;
  readonly retentionSizeInMB: number;
}

/** What the broker does with a topic that nobody uses. */
export interface InactiveTopicPolicy {
  readonly deleteWhileInactive: boolean;
  readonly inactiveTopicDeleteMode: 'delete_when_no_subscriptions' | 'delete_when_subscriptions_caught_up';
  readonly maxInactiveDurationSeconds: number;
}
