import type { AutoClusterFailoverConfig } from './cluster-settings.ts';
import type { AccessOptions } from './connection/access-settings.ts';
import type { Logger } from './logger.ts';
import type { PulsarMetrics } from './metrics.ts';

export interface ClientConfig extends AccessOptions {
  /** `pulsar://host:6650`, with TLS `pulsar+ssl://host:6651`; several hosts: `pulsar://h1:6650,h2:6650`. This, or `serviceUrlProvider`. */
  readonly serviceUrl?: string;
  /** Several clusters, of which one is used at a time. */
  readonly serviceUrlProvider?: AutoClusterFailoverConfig;
  /** How long lookup, producer and subscription may take, tries again included. @default 30 */
  readonly operationTimeoutSeconds?: number;
  /** How long connecting and the handshake may take. @default 10000 */
  readonly connectionTimeoutMs?: number;
  /** Lookups that may wait for answers at a time. @default 50000 */
  readonly concurrentLookupRequest?: number;
  /** The broker's advertised listener to be sent to. */
  readonly listenerName?: string;
  /** Connections to one broker, shared by its producers and consumers. @default 1 */
  readonly connectionsPerBroker?: number;
  /** A connection is asked for a sign of life this often, and given up where none comes until the next. @default 30000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * Producers, consumers and readers of topics in partitions look this often for more of them, and when they connect
   * again; 0: never. @default 60000
   */
  readonly partitionsUpdateIntervalMs?: number;
  /** The first wait before connecting again. @default 100 */
  readonly initialBackoffMs?: number;
  /** The longest wait before connecting again. @default 5000 */
  readonly maxBackoffMs?: number;
  /** @default nothing is logged */
  readonly logger?: Logger;
  /** @default nothing is counted */
  readonly metrics?: PulsarMetrics;
}
