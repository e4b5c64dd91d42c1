import type { Bus } from '@pharos/bus';
import { type Identity, newIdentity, runService } from '@pharos/service';
import { createSocketServer } from '@pharos/socket-server';
import { createLogger, type Logger, Metrics } from '@pharos/telemetry';

import type { EdgeConfig } from './config.ts';
import { Edge } from './edge.ts';
import type { EdgeStores } from './stores.ts';

export interface ServeOptions {
  readonly config: EdgeConfig;
  /** The service's name in the log. */
  readonly service: string;
  /** Makes the bus that the edge reads and writes; `serveEdge` closes it. */
  readonly createBus: (identity: Identity, logger: Logger) => Bus;
  /** Makes the stores that the edge asks; `serveEdge` closes them. */
  readonly createStores: (logger: Logger) => EdgeStores;
  /** Told when clients can connect, if they ever can. */
  readonly onListening?: (edge: Edge, logger: Logger) => void;
}

/** Beyond the waves of a drain: time for flushing, for taking members out of presence, and for closing what is left. */
const stopMarginMs = 10_000;

/** Runs an edge until SIGTERM or SIGINT, then drains and stops it. @throws what keeps it from starting */
export async function serveEdge(options: ServeOptions): Promise<void> {
  const { config } = options;
  const logger = createLogger({ name: options.service, level: config.log_level });
  const identity = newIdentity(config.name);
  const server = await createSocketServer({
    implementation: config.socket,
    onWarning: (text) => logger.warn(text),
    onError: (error, context) => logger.error({ err: error }, context),
  });
  const bus = options.createBus(identity, logger);
  const stores = options.createStores(logger);
  const { history, presence } = stores;
  const edge = new Edge({
    config,
    identity,
    bus,
    server,
    logger,
    metrics: new Metrics(),
    ...(history === undefined ? {} : { history }),
    ...(presence === undefined ? {} : { presence }),
  });
  await runService(
    {
      run: async () => {
        await edge.run();
        // Not where it was stopped while it waited for its logs.
        if (edge.port > 0) options.onListening?.(edge, logger);
      },
      drain: () => edge.drain(),
      stop: async () => {
        await edge.stop();
        await stores.close();
        await bus.close();
      },
    },
    config.drain_timeout + stopMarginMs,
    logger,
  );
}
