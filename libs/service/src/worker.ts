import type { Bus } from '@pharos/bus';
import type { RedisAccessConfig } from '@pharos/config';
import type { Service } from '@pharos/lifecycle';
import type { RedisClient } from '@pharos/redis';
import {
  createLogger,
  type InternalServer,
  type Logger,
  Metrics,
  type Readiness,
  type Tracing,
} from '@pharos/telemetry';

import type { PulsarConfig, ServiceConfig, TailSubscription } from './config.ts';
import { pulsarBus, redisClient } from './connections.ts';
import { startInternalListener } from './internal-listener.ts';
import { type Identity, newIdentity } from './identity.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { ConfigReloader, logLevelPart, type Reloadable } from './reload.ts';
import type { MainOptions } from './main-options.ts';
import { runService } from './run.ts';
import { startTracing } from './tracing.ts';

/** The settings of a service that works between Pulsar and Redis, and has no clients. */
export interface WorkerConfig extends ServiceConfig {
  readonly drain_timeout: number;
  readonly pulsar: PulsarConfig & { readonly tail_subscription?: TailSubscription };
  readonly redis: RedisAccessConfig;
}

export interface WorkerParts {
  readonly identity: Identity;
  readonly bus: Bus;
  readonly client: RedisClient;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing;
}

export interface Worker extends Service {
  readiness(): Readiness;
}

export interface WorkerOptions<C extends WorkerConfig> {
  readonly name: string;
  readonly config: C;
  /** Reads it anew, at SIGHUP. @throws ConfigError */
  readonly reread: () => C;
  /** Of the process: what OpenTelemetry goes by. */
  readonly env: MainOptions['env'];
  /** What it means that Redis can't be used. */
  readonly withoutRedis: string;
  /** Makes the service, and the store that it uses, which is closed after it. */
  readonly create: (parts: WorkerParts) => {
    readonly service: Worker & Reloadable<C>;
    readonly store: { close(): Promise<void> };
  };
}

/** Runs a worker until SIGTERM or SIGINT, with its connections and its internal listener. @throws what keeps it from starting */
export async function serveWorker<C extends WorkerConfig>(options: WorkerOptions<C>): Promise<void> {
  const { name, config, withoutRedis, create } = options;
  const logger = createLogger({ name, level: config.log_level });
  const identity = newIdentity(config.name);
  const traces = await startTracing({ env: options.env, service: name, identity, logger });
  const traced = traces.tracing === undefined ? {} : { tracing: traces.tracing };
  const metrics = new Metrics();
  const processMetrics = new ProcessMetrics(metrics, name);
  const bus = pulsarBus(config.pulsar, identity, logger, metrics);
  const client = redisClient(config.redis, logger, withoutRedis, metrics);
  const { service, store } = create({ identity, bus, client, logger, metrics, ...traced });
  processMetrics.readReadiness = () => service.readiness();
  const reloader = new ConfigReloader<C>({
    current: config,
    read: options.reread,
    parts: [service, logLevelPart(logger)],
    logger,
    metrics: processMetrics,
  });
  reloader.listen();
  let internal: InternalServer | undefined;
  await runService(
    {
      run: async () => {
        internal = await startInternalListener(config.internal, {
          metrics,
          logger,
          readiness: () => service.readiness(),
        });
        if (internal !== undefined) logger.info({ internalPort: internal.port }, `${name} ${identity.name} starts`);
        await service.run();
        reloader.run();
      },
      drain: () => service.drain(),
      stop: async () => {
        reloader.stop();
        await service.stop();
        await store.close();
        client.close();
        await bus.close();
        await traces.stop();
        await internal?.stop();
      },
    },
    config.drain_timeout,
    logger,
  );
}
