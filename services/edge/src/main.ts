import { type MainOptions, pulsarBus, readConfig } from '@pharos/service';

import { type EdgeConfig, edgeConfigSchema, edgePreset } from './config.ts';
import { serveEdge } from './serve.ts';
import { redisStores } from './stores.ts';

/** The service `edge`: one edge of a cluster, on a Pulsar. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const reread = (): EdgeConfig => readConfig(edgeConfigSchema(edgePreset), options);
  const config = reread();
  await serveEdge({
    config,
    reread,
    service: 'edge',
    env: options.env,
    createBus: (identity, logger, metrics) => pulsarBus(config.pulsar, identity, logger, metrics),
    createStores: (logger, metrics) => redisStores(config.redis, logger, metrics),
  });
}
