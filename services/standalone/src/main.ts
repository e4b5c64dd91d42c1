import { type Bus, MemoryBroker, MemoryBus } from '@pharos/bus';
import {
  type EdgeConfig,
  edgeConfigSchema,
  type EdgePreset,
  edgePreset,
  type EdgeStores,
  redisStores,
  type ServedParts,
  serveEdge,
} from '@pharos/edge';
import type { Service } from '@pharos/lifecycle';
import { MemoryPresence } from '@pharos/presence';
import { PresenceService } from '@pharos/presence-service';
import { type MainOptions, pulsarBus, readConfig } from '@pharos/service';

const loopback = '127.0.0.1';
const defaultPort = 9001;
/** The internal listener's port is the client port plus this, so that two servers on one machine need one setting each. */
const internalPortStep = 100;

/** Open, on loopback, quick to stop: for a first look and for development. */
export const standalonePreset: EdgePreset = {
  ...edgePreset,
  listen: { host: loopback, port: defaultPort },
  internalListen: undefined,
  open: true,
  drainTimeoutMs: 2_000,
  pulsarUrlRequired: false,
};

/**
 * The service `standalone`: everything in one process. Without a Pulsar URL it runs on the embedded bus, whose log ends with
 * the process. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting
 */
export async function main(options: MainOptions): Promise<void> {
  const read = readConfig(edgeConfigSchema(standalonePreset), options);
  const config: EdgeConfig = {
    ...read,
    internal: { listen: read.internal.listen ?? internalListen(read.listen.port) },
  };
  await serveEdge({
    config,
    service: 'pharos',
    createBus: (identity, logger): Bus =>
      config.pulsar.url === undefined ? new MemoryBus(new MemoryBroker()) : pulsarBus(config.pulsar, identity, logger),
    createStores: (logger) => (config.redis.url === undefined ? ownStores() : redisStores(config.redis, logger)),
    createOthers: (parts) => others(config, parts),
    onListening: (edge, logger) => {
      const bus =
        config.pulsar.url === undefined ? 'the embedded bus (nothing outlives this process)' : config.pulsar.url;
      const at = `${nameOf(config.listen.host)}:${edge.port}`;
      logger.info({ bus }, `Pharos runs at http://${at}/ - open it in two tabs; plain-text chat at ws://${at}/`);
    },
  });
}

/** What a store in Redis needs: another process like this one may die and leave its members behind. */
function others(config: EdgeConfig, { bus, stores, logger, metrics }: ServedParts): Service[] {
  const { presence: store } = stores;
  if (config.redis.url === undefined || store === undefined) return [];
  const { channel, presence, pulsar } = config;
  const { publish_timeout: publishTimeoutMs } = pulsar;
  return [new PresenceService({ channel, leaseMs: presence.lease, publishTimeoutMs, bus, store, logger, metrics })];
}

/** Presence of this process alone, which ends with it. */
function ownStores(): EdgeStores {
  const presence = new MemoryPresence();
  return { presence, close: () => presence.close() };
}

/** A host as it stands in a URL that somebody on this machine opens. */
function nameOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return loopback;
  return host.includes(':') ? `[${host}]` : host;
}

function internalListen(port: number): { host: string; port: number } {
  const above = port + internalPortStep;
  return { host: loopback, port: port === 0 || above > 65_535 ? 0 : above };
}
