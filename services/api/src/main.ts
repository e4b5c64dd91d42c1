import { type HistoryStore, RedisHistory } from '@pharos/history';
import { type PresenceStore, RedisPresence } from '@pharos/presence';
import {
  ConfigReloader,
  Listener,
  logLevelPart,
  type MainOptions,
  newIdentity,
  ProcessMetrics,
  pulsarBus,
  readConfig,
  redisClient,
  runService,
  startInternalListener,
  startTracing,
} from '@pharos/service';
import { checkAddress } from '@pharos/socket-server';
import { createLogger, type InternalServer, type Logger, Metrics } from '@pharos/telemetry';

import { ApiService } from './api-service.ts';
import { type ApiConfig, apiConfigSchema } from './config.ts';
import type { IdempotencyStore } from './idempotency/port.ts';
import { RedisIdempotency } from './idempotency/redis-store.ts';

/** The service `api`. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const reread = (): ApiConfig => readConfig(apiConfigSchema(), options);
  const config = reread();
  const logger = createLogger({ name: 'api', level: config.log_level });
  const identity = newIdentity(config.name);
  const traces = await startTracing({ env: options.env, service: 'api', identity, logger });
  const traced = traces.tracing === undefined ? {} : { tracing: traces.tracing };
  const metrics = new Metrics();
  const processMetrics = new ProcessMetrics(metrics, 'api');
  const listener = await Listener.create({ config, logger, metrics: processMetrics });
  const { server } = listener;
  const bus = pulsarBus(config.pulsar, identity, logger, metrics);
  const stores = redisStores(config, logger, metrics);
  const { channel, http_api: http } = config;
  const service = new ApiService({
    ...stores,
    ...traced,
    channel,
    config: http,
    control: config.control,
    rpc: config.rpc,
    proxies: config.proxies,
    commands: config.commands,
    bus,
    logger,
    metrics,
  });
  processMetrics.readReadiness = () => service.readiness();
  for (const route of service.routes) server.http(route);
  const reloader = new ConfigReloader<ApiConfig>({
    current: config,
    read: reread,
    parts: [service, listener, logLevelPart(logger)],
    logger,
    metrics: processMetrics,
  });
  reloader.listen();
  let internal: InternalServer | undefined;
  await runService(
    {
      run: async () => {
        await checkAddress(config.listen.host, config.listen.port);
        internal = await startInternalListener(config.internal, {
          metrics,
          logger,
          readiness: () => service.readiness(),
        });
        await service.run();
        if (!service.readiness().ready) return;
        const port = await server.listen(config.listen.host, config.listen.port);
        listener.run();
        reloader.run();
        logger.info(
          { port, internalPort: internal?.port, socket: server.implementation },
          `api ${identity.name} listens at ${config.listen.host}:${port}`,
        );
      },
      drain: () => service.drain(),
      stop: async () => {
        reloader.stop();
        await service.stop();
        listener.stop();
        await server.stop();
        await stores.close();
        await bus.close();
        await traces.stop();
        await internal?.stop();
      },
    },
    config.drain_timeout,
    logger,
  );
}

interface Stores {
  readonly history?: HistoryStore;
  readonly presence?: PresenceStore;
  readonly idempotency?: IdempotencyStore;
  close(): Promise<void>;
}

function redisStores({ redis: config }: ApiConfig, logger: Logger, metrics: Metrics): Stores {
  if (config.url === undefined) {
    logger.warn('redis.url is not set: there is no history, no presence and no idempotent publish');
    return { close: () => Promise.resolve() };
  }
  const client = redisClient(config, logger, 'what needs it is answered with error 100', metrics);
  const history = new RedisHistory(client, { keyPrefix: config.prefix });
  const presence = new RedisPresence(client, { keyPrefix: config.prefix });
  return {
    history,
    presence,
    idempotency: new RedisIdempotency(client, { keyPrefix: config.prefix }),
    async close(): Promise<void> {
      await history.close();
      await presence.close();
      client.close();
    },
  };
}
