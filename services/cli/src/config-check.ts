import { apiConfigSchema } from '@pharos/api-service';
import { withoutSecrets, type z } from '@pharos/config';
import { edgeConfigSchema, edgePreset } from '@pharos/edge';
import { historyConfigSchema } from '@pharos/history-service';
import { presenceConfigSchema } from '@pharos/presence-service';
import { readConfig } from '@pharos/service';
import { standaloneConfigSchema } from '@pharos/standalone';
import type { ConfiguredService } from './config-command.ts';

const schemas: Readonly<Record<ConfiguredService, () => z.ZodType>> = {
  edge: () => edgeConfigSchema(edgePreset),
  standalone: standaloneConfigSchema,
  api: apiConfigSchema,
  history: historyConfigSchema,
  presence: presenceConfigSchema,
};

/** The settings that hold for a service, secrets left out. @throws ConfigError, with everything that is wrong */
export function effectiveConfig(
  service: ConfiguredService,
  configFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  const schema = schemas[service]();
  const config = readConfig(schema, configFile === undefined ? { env } : { configFile, env });
  return withoutSecrets(schema, config);
}
