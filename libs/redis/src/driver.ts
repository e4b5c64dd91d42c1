import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from './options.ts';

/** How many times a Cluster command goes on to another node, or waits for one, before it fails. */
const maxRedirections = 5;

/** What all modes have in common: nothing waits inside the driver, and nothing is sent twice behind its user's back. */
function common(options: RedisOptions) {
  return {
    lazyConnect: true,
    connectTimeout: options.connectTimeoutMs ?? 10_000,
    socketTimeout: options.silenceTimeoutMs ?? 10_000,
    // What was in flight when a connection is lost fails at once; who sent it knows whether it may be sent again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // One that has become a replica refuses writes for ever over a connection that is fine.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === undefined || options.tls === false ? {} : { tls: options.tls === true ? {} : options.tls }),
  };
}

/** Makes the driver's client, not yet connected. */
export function makeDriver(options: RedisOptions): Redis | Cluster {
  if (options.mode === 'cluster') {
    return new Cluster([...options.nodes], {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRedirections,
      clusterRetryStrategy: retryDelayMs,
      slotsRefreshTimeout: 2_000,
      redisOptions: common(options),
    });
  }
  const single = { ...common(options), enableOfflineQueue: false, retryStrategy: retryDelayMs };
  const database = options.database ?? 0;
  if (options.mode === 'standalone') return new Redis({ ...single, ...options.address, db: database });
  const tls = 'tls' in single ? { enableTLSForSentinelMode: true, sentinelTLS: single.tls ?? {} } : {};
  // Without the driver's detector of fail-overs: it was seen to end a client for good that was just connecting. Sentinels close the
  // connections to a primary that they replace.
  return new Redis({
    ...single,
    ...tls,
    name: options.primaryName,
    sentinels: [...options.sentinels],
    sentinelRetryStrategy: retryDelayMs,
    db: database,
    ...(options.sentinelUsername === undefined ? {} : { sentinelUsername: options.sentinelUsername }),
    ...(options.sentinelPassword === undefined ? {} : { sentinelPassword: options.sentinelPassword }),
  });
}

/** Half a second at most: an outage of Redis holds up resumes, and one attempt costs little. Jitter keeps a fleet out of step. */
function retryDelayMs(attempt: number): number {
  const ceiling = Math.min(500, 25 * 2 ** Math.min(attempt, 10));
  return ceiling / 2 + Math.random() * (ceiling / 2);
}
