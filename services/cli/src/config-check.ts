import { apiConfigSchema } from '@pharos/api-service';
import { describeConfig, type z } from '@pharos/config';
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
  return withoutSecrets(config, secretsOf(schema));
}

function secretsOf(schema: z.ZodType): ReadonlySet<string> {
  return new Set(describeConfig(schema).flatMap(({ path, secret }) => (secret ? [path] : [])));
}

function withoutSecrets(value: unknown, secrets: ReadonlySet<string>, path = ''): unknown {
  if (value !== undefined && secrets.has(path)) return '(secret)';
  if (Array.isArray(value)) return value.map((inner) => withoutSecrets(inner, secrets, `${path}.<index>`));
  if (typeof value !== 'object' || value === null) return value;
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withoutSecrets(inner, secrets, below(name))]),
  );
}
