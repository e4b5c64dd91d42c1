import { loadConfig, type z } from '@pharos/config';

/** What the command line gives to a service's `main`. */
export interface MainOptions {
  /** YAML; else the file that PHAROS_CONFIG names, if any. */
  readonly configFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The service's settings, from the file and from PHAROS_* variables, which win. @throws ConfigError */
export function readConfig<T>(schema: z.ZodType<T>, { configFile, env }: MainOptions): T {
  const file = configFile ?? env['PHAROS_CONFIG'];
  return loadConfig(schema, { env, ...(file === undefined ? {} : { file }) });
}
