import type { AccessOptions } from '../connection/access-settings.ts';
import type { Fetch } from './http.ts';

/** Credentials and TLS as in ClientConfig. */
export interface PulsarAdminConfig extends AccessOptions {
  /** `http://host:8080` or `https://host:8443`, without a path; several hosts: `http://h1:8080,h2:8080`. */
  readonly adminUrl: string;
  /** How long one call may take. @default 10000 */
  readonly timeoutMs?: number;
  /** Calls the API instead, for example through a proxy; credentials and TLS are its own affair then. */
  readonly fetch?: Fetch;
}

/** Names and values of a topic's own properties, or of a broker's settings. */
export type Properties = Readonly<Record<string, string>>;

/** −1 means no limit; 0 and 0: nothing is kept once it is consumed. */
export interface RetentionPolicy {
  readonly retentionTimeInMinutes: number;
  readonly retentionSizeInMB: number;
}

/** `destination_storage` limits bytes, `message_age` seconds. */
export type BacklogQuotaType = 'destination_storage' | 'message_age';

/** What the broker does where a subscription is behind by more than this; −1 means no limit. */
export interface BacklogQuota {
  /** In bytes. */
  readonly limitSize: number;
  /** In seconds. */
  readonly limitTime: number;
  readonly policy: 'producer_request_hold' | 'producer_exception' | 'consumer_backlog_eviction';
}

/** What the broker does with a topic that nobody uses. */
export interface InactiveTopicPolicy {
  readonly deleteWhileInactive: boolean;
  readonly inactiveTopicDeleteMode: 'delete_when_no_subscriptions' | 'delete_when_subscriptions_caught_up';
  readonly maxInactiveDurationSeconds: number;
}
