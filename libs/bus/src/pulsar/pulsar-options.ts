import type { AccessTexts, PulsarMetrics } from '@pharos/pulsar-client';
import type { BusOptions } from '../port.ts';

export type { PulsarMetrics };

/** Where warnings go; pino's loggers fit. */
export interface BusLogger {
  debug(detail: object, message: string): void;
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

export interface PulsarBusOptions extends BusOptions {
  /** `pulsar://host:6650` or `pulsar+ssl://host:6651`; several hosts separated by commas. */
  readonly serviceUrl: string;
  /** Base URL of the admin REST API. @default beside the service, on the same hosts: port 8080, with TLS 8443 */
  readonly adminUrl?: string;
  /** Credentials and certificates, for the service and the admin API alike. @default none */
  readonly access?: AccessTexts;
  /** Begins the names of producers and subscriptions; must be another for each boot of each process: `<edge>-<boot>`. */
  readonly namePrefix: string;
  /** What a log keeps at least: a topic that keeps less is given a policy of its own. @default 60 */
  readonly retentionMinutes?: number;
  /** How tails subscribe. @default 'failover' */
  readonly tailSubscription?: 'failover' | 'exclusive';
  /** How long an attach may take before it fails with `unreachable`. @default 15000 */
  readonly attachTimeoutMs?: number;
  /** How long one call of the admin API may take. @default 10000 */
  readonly adminTimeoutMs?: number;
  /** How long one operation on the broker (connect, lookup, subscribe) may take. @default 15000 */
  readonly operationTimeoutMs?: number;
  /** Entries that wait in one tail, in bytes; above it the broker is given no more permits. @default 2097152 */
  readonly tailQueueBytes?: number;
  /** @default nothing is logged */
  readonly logger?: BusLogger;
  /** Told of what the client does. @default nobody is */
  readonly metrics?: PulsarMetrics;
}
