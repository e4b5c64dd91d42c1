import type { Bus } from '@pharos/bus';
import {
  compressionOf,
  ConfigReloader,
  type CreateServer,
  type Identity,
  Listener,
  logLevelPart,
  type MainOptions,
  newIdentity,
  ProcessMetrics,
  type ReloadableService,
  runService,
  startTracing,
} from '@pharos/service';
import type { SocketServer } from '@pharos/socket-server';
import { createLogger, type Logger, Metrics, type Tracing } from '@pharos/telemetry';

import type { EdgeConfig } from './config.ts';
import { Edge } from './edge.ts';
import type { EdgeStores } from './stores.ts';

export interface ServeOptions<C extends EdgeConfig> {
  readonly config: C;
  /** Reads it anew, at SIGHUP. @throws ConfigError */
  readonly reread: () => C;
  /** The service's name in the log. */
  readonly service: string;
  /** Of the process: what OpenTelemetry goes by. */
  readonly env: MainOptions['env'];
  /** Makes the bus that the edge reads and writes; `serveEdge` closes it. */
  readonly createBus: (identity: Identity, logger: Logger, metrics: Metrics) => Bus;
  /** Makes the stores that the edge asks; `serveEdge` closes them. */
  readonly createStores: (logger: Logger, metrics: Metrics) => EdgeStores;
  /** Makes the server that clients connect to; `serveEdge` stops it. @default createSocketServer */
  readonly createServer?: CreateServer;
  /** Services that run beside the edge, on the same bus and stores: started after it, stopped before it. */
  readonly createOthers?: (parts: ServedParts) => readonly ReloadableService<C>[];
  /** Told when clients can connect, if they ever can. */
  readonly onListening?: (edge: Edge, logger: Logger) => void;
}

/** What a process has one of. */
export interface ServedParts {
  readonly bus: Bus;
  /** For routes beside the edge's, before it listens. */
  readonly server: SocketServer;
  readonly stores: EdgeStores;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing?: Tracing;
}

/** Beyond the waves of a drain: time for flushing, for taking members out of presence, and for closing what is left. */
const stopMarginMs = 10_000;

/** Runs an edge until SIGTERM or SIGINT, then drains and stops it. @throws what keeps it from starting */
export async function serveEdge<C extends EdgeConfig>(options: ServeOptions<C>): Promise<void> {
  const { config } = options;
  const logger = createLogger({ name: options.service, level: config.log_level });
  const identity = newIdentity(config.name);
  const { env, service } = options;
  const traces = await startTracing({ env, service, identity, logger });
  const traced = traces.tracing === undefined ? {} : { tracing: traces.tracing };
  const metrics = new Metrics();
  const processMetrics = new ProcessMetrics(metrics, options.service);
  const compression = compressionOf(config.websocket);
  const { createServer } = options;
  const listener = await Listener.create({ config, createServer, compression, logger, metrics: processMetrics });
  const { server } = listener;
  const bus = options.createBus(identity, logger, metrics);
  const stores = options.createStores(logger, metrics);
  const { history, presence } = stores;
  const edge = new Edge({
    config,
    identity,
    bus,
    server,
    logger,
    metrics,
    ...traced,
    ...(history === undefined ? {} : { history }),
    ...(presence === undefined ? {} : { presence }),
  });
  processMetrics.readReadiness = () => edge.readiness();
  const others = options.createOthers?.({ bus, server, stores, identity, logger, metrics, ...traced }) ?? [];
  const reloader = new ConfigReloader<C>({
    current: config,
    read: options.reread,
    parts: [edge, listener, ...others, logLevelPart(logger)],
    logger,
    metrics: processMetrics,
  });
  reloader.listen();
  await runService(
    {
      run: async () => {
        await edge.run();
        // Not where it was stopped while it waited for its logs.
        if (edge.port === 0) return;
        listener.run();
        for (const other of others) await other.run();
        reloader.run();
        options.onListening?.(edge, logger);
      },
      drain: async () => {
        await Promise.all(others.map((other) => other.drain()));
        await edge.drain();
      },
      stop: async () => {
        reloader.stop();
        await Promise.all(others.map((other) => other.stop()));
        listener.stop();
        await edge.stop();
        await stores.close();
        await bus.close();
        await traces.stop();
      },
    },
    config.drain_timeout + stopMarginMs,
    logger,
  );
}
