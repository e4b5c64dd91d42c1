import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

import { PulsarBus } from '@pharos/bus';
import { pulsarAccessTexts, type RedisAccessConfig } from '@pharos/config';
import { type RedisAddress, RedisClient, type RedisOptions } from '@pharos/redis';
import type { Logger, Metrics } from '@pharos/telemetry';

import type { PulsarConfig, TailSubscription } from './config.ts';
import { BrokerMetrics, RedisMetrics } from './connection-metrics.ts';
import type { Identity } from './identity.ts';

/** The bus on the Pulsar that the configuration names; nothing is connected yet. */
export function pulsarBus(
  config: PulsarConfig & { readonly tail_subscription?: TailSubscription },
  identity: Identity,
  logger: Logger,
  metrics?: Metrics,
): PulsarBus {
  const { url, admin_url: adminUrl, tail_subscription: tailSubscription } = config;
  if (url === undefined) throw new TypeError('pulsar.url is not set');
  return new PulsarBus({
    serviceUrl: url,
    ...(adminUrl === undefined ? {} : { adminUrl }),
    access: pulsarAccessTexts(config),
    // Never the same twice: a subscription name that was used before brings its old cursor, a producer name its sequence ids.
    namePrefix: `${identity.name}-${identity.boot}`,
    ...(tailSubscription === undefined ? {} : { tailSubscription }),
    logger,
    ...(metrics === undefined ? {} : { metrics: new BrokerMetrics(metrics) }),
  });
}

const defaultRedisPort = 6379;

/**
 * Connects to the Redis that the configuration names, however long that takes; what becomes of the connection is logged.
 * @param without what it means that Redis can't be used yet
 * @throws TypeError without a URL, and what reading the files of its TLS throws
 */
export function redisClient(
  config: RedisAccessConfig,
  logger: Logger,
  without: string,
  metrics?: Metrics,
): RedisClient {
  const client = RedisClient.start(redisOptions(config), (error) => {
    logger.error({ err: error }, `Redis can not be used yet: ${without}`);
  });
  client.onConnection((connected) => {
    if (connected) logger.info('connected to Redis');
    else logger.warn('the connection to Redis was lost');
  });
  if (metrics !== undefined) new RedisMetrics(metrics).watch(client);
  return client;
}

/** The Redis that the configuration names. @throws TypeError without a URL, and what reading the files of its TLS throws */
export function redisOptions(config: RedisAccessConfig): RedisOptions {
  const { url, username, password } = config;
  if (url === undefined) throw new TypeError('redis.url is not set');
  const common = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    connectTimeoutMs: config.connect_timeout,
    tls: url.startsWith('rediss:') ? tlsOptions(config.tls) : false,
  };
  const [first, ...others] = addresses(url);
  if (first === undefined) throw new TypeError('redis.url has no host');
  if (config.mode === 'cluster') return { mode: 'cluster', ...common, nodes: [first, ...others] };
  const { database } = config;
  if (config.mode === 'standalone') return { mode: 'standalone', ...common, address: first, database };
  const { sentinel_username: sentinelUsername, sentinel_password: sentinelPassword } = config;
  return {
    mode: 'sentinel',
    ...common,
    sentinels: [first, ...others],
    primaryName: config.sentinel_master_name ?? '',
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    database,
  };
}

function addresses(url: string): RedisAddress[] {
  const scheme = url.slice(0, url.indexOf('://') + 3);
  return url
    .slice(scheme.length)
    .split(',')
    .map((host) => {
      const { hostname, port } = new URL(scheme + host);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultRedisPort : Number(port) };
    });
}

function tlsOptions(tls: RedisAccessConfig['tls']): ConnectionOptions {
  const read = (path: string): Buffer => readFileSync(path);
  return {
    ...(tls.ca_file === undefined ? {} : { ca: read(tls.ca_file) }),
    ...(tls.cert_file === undefined ? {} : { cert: read(tls.cert_file) }),
    ...(tls.key_file === undefined ? {} : { key: read(tls.key_file) }),
    ...(tls.validate_hostname ? {} : { checkServerIdentity: () => undefined }),
    ...(tls.allow_insecure ? { rejectUnauthorized: false } : {}),
  };
}
