import { loadConfig } from '@pharos/config';

import { type EdgeConfig, edgeConfigSchema, edgePreset } from './config.ts';
import { pulsarBus } from './pulsar-bus.ts';
import { serveEdge } from './serve.ts';

export interface MainOptions {
  /** YAML; else the file that PHAROS_CONFIG names, if any. */
  readonly configFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The service `edge`: one edge of a cluster, on a Pulsar. Resolves when it has stopped. @throws ConfigError, and what keeps it from starting */
export async function main(options: MainOptions): Promise<void> {
  const file = options.configFile ?? options.env['PHAROS_CONFIG'];
  const config: EdgeConfig = loadConfig(edgeConfigSchema(edgePreset), {
    env: options.env,
    ...(file === undefined ? {} : { file }),
  });
  await serveEdge({
    config,
    service: 'edge',
    createBus: (identity, logger) => pulsarBus(config, identity, logger),
  });
}
