import type { ClientConfig } from './client-config.ts';
import type { ClientCoreOptions } from './client-core.ts';
import { clusterSettings } from './cluster-settings.ts';
import { accessOptions } from './connection/access-settings.ts';
import { silentLogger } from './logger.ts';
import { integer, maxTimerMs, milliseconds, mustHold, refuseUnknown, type Unsupported } from './options.ts';

const kind = 'ClientConfig';

const supported: readonly (keyof ClientConfig)[] = [
  'serviceUrl',
  'serviceUrlProvider',
  ...accessOptions,
  'operationTimeoutSeconds',
  'connectionTimeoutMs',
  'concurrentLookupRequest',
  'listenerName',
  'connectionsPerBroker',
  'keepAliveIntervalMs',
  'partitionsUpdateIntervalMs',
  'initialBackoffMs',
  'maxBackoffMs',
  'logger',
  'metrics',
];

const threads: Unsupported = { why: "is not supported: this client runs on Node's event loop, and has no threads" };
const logging: Unsupported = { why: "is not supported: give a 'logger'" };

const unsupported: Readonly<Record<string, Unsupported>> = {
  ioThreads: threads,
  messageListenerThreads: threads,
  statsIntervalInSeconds: { why: "is not supported: give 'metrics'", accepted: [0] },
  log: logging,
  logLevel: logging,
};

/** A client's options, checked, with their defaults. @throws PulsarError `InvalidConfiguration`, `InvalidUrl` */
export function clientSettings(config: ClientConfig): ClientCoreOptions {
  refuseUnknown(kind, config, supported, unsupported);
  const { clusters, failover } = clusterSettings(kind, config);
  const { operationTimeoutSeconds = 30 } = config;
  const positive = Number.isFinite(operationTimeoutSeconds) && operationTimeoutSeconds > 0;
  mustHold(kind, positive, `operationTimeoutSeconds is ${operationTimeoutSeconds}, expected a number above 0`);
  const operationTimeoutMs = operationTimeoutSeconds * 1000;
  mustHold(
    kind,
    operationTimeoutMs <= maxTimerMs,
    `operationTimeoutSeconds is ${operationTimeoutSeconds}, too many for a timer`,
  );
  const count = (name: keyof ClientConfig, value: number | undefined, fallback: number): number =>
    integer(kind, name, value, fallback, 1);
  const time = (name: keyof ClientConfig, value: number | undefined, fallback: number): number =>
    milliseconds(kind, name, value, fallback, 1);
  // A handshake is part of an operation, and the last host is to have its chance even where the others swallow what is sent.
  const patienceMs = Math.max(1, Math.floor(operationTimeoutMs / Math.max(...clusters.map(({ hosts }) => hosts))));
  const initialBackoffMs = time('initialBackoffMs', config.initialBackoffMs, 100);
  return {
    clusters,
    failover,
    listenerName: config.listenerName,
    maxLookups: count('concurrentLookupRequest', config.concurrentLookupRequest, 50_000),
    operationTimeoutMs,
    connectTimeoutMs: Math.min(time('connectionTimeoutMs', config.connectionTimeoutMs, 10_000), patienceMs),
    keepAliveIntervalMs: time('keepAliveIntervalMs', config.keepAliveIntervalMs, 30_000),
    partitionsUpdateIntervalMs: milliseconds(
      kind,
      'partitionsUpdateIntervalMs',
      config.partitionsUpdateIntervalMs,
      60_000,
      0,
    ),
    connectionsPerBroker: count('connectionsPerBroker', config.connectionsPerBroker, 1),
    initialBackoffMs,
    maxBackoffMs: Math.max(initialBackoffMs, time('maxBackoffMs', config.maxBackoffMs, 5000)),
    logger: config.logger ?? silentLogger,
    metrics: config.metrics ?? {},
  };
}
