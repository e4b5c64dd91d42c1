import {
  ApiService,
  type CommandsConfig,
  commandsSection,
  type HttpApiConfig,
  httpApiSection,
  MemoryIdempotency,
  RedisIdempotency,
  requireKeyStore,
} from '@pharos/api-service';
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
import { MemoryHistory } from '@pharos/history';
import { defaultQueueBytes, HistoryService } from '@pharos/history-service';
import { MemoryPresence } from '@pharos/presence';
import { PresenceService } from '@pharos/presence-service';
import { type z } from '@pharos/config';
import { type MainOptions, pulsarBus, readConfig, type ReloadableService } from '@pharos/service';

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

/** An edge's settings, and those of the server API, which is off until it has a key. */
export type StandaloneConfig = EdgeConfig & ApiSections;

interface ApiSections {
  readonly http_api: HttpApiConfig;
  readonly commands: CommandsConfig;
}

export function standaloneConfigSchema(): z.ZodType<StandaloneConfig> {
  const sections = { http_api: httpApiSection(false), commands: commandsSection() };
  return edgeConfigSchema<ApiSections>(standalonePreset, sections).superRefine((config, context) => {
    // On the embedded bus keys are kept in memory, as the log is.
    if (config.pulsar.url !== undefined) requireKeyStore(config, context);
  });
}

/**
 * The service `standalone`: everything in one process. Without a Pulsar URL it runs on the embedded bus, whose log ends with
 * the process. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting
 */
export async function main(options: MainOptions): Promise<void> {
  const reread = (): StandaloneConfig => {
    const read = readConfig(standaloneConfigSchema(), options);
    return { ...read, internal: { listen: read.internal.listen ?? internalListen(read.listen.port) } };
  };
  const config = reread();
  await serveEdge({
    config,
    reread,
    service: 'pharos',
    env: options.env,
    createBus: (identity, logger, metrics): Bus =>
      config.pulsar.url === undefined
        ? new MemoryBus(new MemoryBroker())
        : pulsarBus(config.pulsar, identity, logger, metrics),
    createStores: (logger, metrics) =>
      config.redis.url === undefined
        ? ownStores(config.pulsar.url === undefined)
        : redisStores(config.redis, logger, metrics),
    createOthers: (parts) => others(config, parts),
    onListening: (edge, logger) => {
      const bus =
        config.pulsar.url === undefined ? 'the embedded bus (nothing outlives this process)' : config.pulsar.url;
      const at = `${nameOf(config.listen.host)}:${edge.port}`;
      const secure = config.tls.cert_file === undefined ? '' : 's';
      const { chat } = config;
      const page = chat.page ? ' - open it in two tabs' : '';
      const text = chat.enabled ? `; plain-text chat at ws${secure}://${at}/` : '';
      logger.info({ bus }, `Pharos runs at http${secure}://${at}/${page}${text}`);
    },
  });
}

/** What the stores need: somebody fills the history, and in Redis another process like this one may die and leave its members behind. */
function others(config: StandaloneConfig, parts: ServedParts): ReloadableService<StandaloneConfig>[] {
  const services: ReloadableService<StandaloneConfig>[] = [];
  const { channel, presence, pulsar } = config;
  const { history: historyStore, presence: presenceStore } = parts.stores;
  if (historyStore !== undefined) {
    services.push(new HistoryService({ ...parts, store: historyStore, channel, queueBytes: defaultQueueBytes }));
  }
  if (config.redis.url !== undefined && presenceStore !== undefined) {
    const { publish_timeout: publishTimeoutMs } = pulsar;
    const { lease: leaseMs } = presence;
    services.push(new PresenceService({ ...parts, store: presenceStore, channel, leaseMs, publishTimeoutMs }));
  }
  const api = serverApi(config, parts);
  if (api !== undefined) services.push(api);
  return services;
}

/** Under /api of the port that clients use; undefined without a key. */
function serverApi(
  config: StandaloneConfig,
  { server, stores, bus, logger, metrics, tracing }: ServedParts,
): ReloadableService<StandaloneConfig> | undefined {
  const { http_api: http, channel, pulsar } = config;
  const { commands } = config;
  if (http.key === undefined && http.keys.length === 0 && commands.topic === undefined) return undefined;
  // Of this process alone, as the embedded log is: what lies on a Pulsar outlives it.
  const own = pulsar.url === undefined ? new MemoryIdempotency() : undefined;
  const { history, presence, redis } = stores;
  const idempotency = redis === undefined ? own : new RedisIdempotency(redis, { keyPrefix: config.redis.prefix });
  const service = new ApiService({
    channel,
    config: http,
    control: config.control,
    rpc: config.rpc,
    proxies: config.proxies,
    commands,
    bus,
    logger,
    metrics,
    ...(tracing === undefined ? {} : { tracing }),
    ...(history === undefined ? {} : { history }),
    ...(presence === undefined ? {} : { presence }),
    ...(idempotency === undefined ? {} : { idempotency }),
  });
  for (const route of service.routes) server.http(route);
  logger.info('the server API is at /api');
  return service;
}

/**
 * Stores of this process alone, which end with it. History only of a log that is its own too: of one that others use, each would write some
 * lanes and know nothing of the rest.
 */
function ownStores(ownLog: boolean): EdgeStores {
  const presence = new MemoryPresence();
  const history = ownLog ? new MemoryHistory() : undefined;
  return {
    presence,
    ...(history === undefined ? {} : { history }),
    async close(): Promise<void> {
      await presence.close();
      await history?.close();
    },
  };
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
