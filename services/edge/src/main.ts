import { type MainOptions, pulsarBus, readConfig } from '@pharos/service';

import { type EdgeConfig, edgeConfigSchema, edgePreset } from './config.ts';
import { serveEdge, type ServeOptions } from './serve.ts';
import { redisStores } from './stores.ts';

/**
 * The service `edge`: one edge of a cluster, on a Pulsar. Resolves when it has stopped.
 *
 * @param parts what whoever composes it makes himself
 * @throws ConfigError, and what keeps it from starting
 */
export async function main(
  options: MainOptions,
  parts: Pick<ServeOptions<EdgeConfig>, 'createServer'> = {},
): Promise<void> {
  const reread = (): EdgeConfig => readConfig(edgeConfigSchema(edgePreset), options);
  const config = reread();
  await serveEdge({
    config,
    reread,
    service: 'edge',
    env: options.env,
    ...parts,
    createBus: (identity, logger, metrics) => pulsarBus(config.pulsar, identity, logger, metrics),
    createStores: (logger, metrics) => redisStores(config.redis, logger, metrics),
  });
}
