import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytes, ConfigError, duration, listenAddress, loadConfig, secret, url, z } from '../src/index.ts';

/** A schema with one of everything that the services use. */
export const sampleSchema = z.object({
  listen: listenAddress().default({ host: '127.0.0.1', port: 9001 }).describe('Where clients connect.'),
  ping_interval: duration({ minMs: 1000 }).default(25_000),
  max_frame: bytes().default(65_536),
  log_level: z.enum(['debug', 'info', 'error']).default('info'),
  allowed_origins: z.array(z.string()).default([]),
  weights: z.array(z.number()).optional(),
  compress: z.boolean().default(false),
  pulsar: z.object({
    url: url('pulsar', 'pulsar+ssl').describe('The service URL.'),
    admin_url: url('http', 'https').optional(),
    max_pending: z.int().min(1).max(100).default(10),
  }),
  auth: z.object({ token_secret: secret().optional(), issuers: z.array(secret()).optional() }),
  namespaces: z
    .record(
      z.string().regex(/^[a-z]+$/, 'expected a name of small letters'),
      z.object({
        history_ttl: duration().default(60_000),
        limits: z.object({ size: z.int().default(5) }),
        key: secret().optional(),
      }),
    )
    .describe('Options by namespace.'),
});

export type Sample = z.output<typeof sampleSchema>;

export function withFile<T>(yaml: string, use: (file: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'pharos-config-'));
  try {
    const file = join(directory, 'pharos.yaml');
    writeFileSync(file, yaml);
    return use(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function load(yaml: string | undefined, env: Record<string, string> = {}, reserved: string[] = []): Sample {
  if (yaml === undefined) return loadConfig(sampleSchema, { env, reserved });
  return withFile(yaml, (file) => loadConfig(sampleSchema, { file, env, reserved }));
}

/** The problems of a configuration that must not load. */
export function problemsOf(
  yaml: string | undefined,
  env: Record<string, string> = {},
  reserved: string[] = [],
): string[] {
  try {
    load(yaml, env, reserved);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration loaded, but must not');
}
