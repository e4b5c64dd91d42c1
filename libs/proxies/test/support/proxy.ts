import type { TestContext } from 'node:test';
import { loadConfig, z } from '@pharos/config';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { type ProxyConfig, proxySection } from '../../src/config.ts';
import { ProxyMetrics } from '../../src/metrics.ts';
import { Proxy, type ProxyKind } from '../../src/proxy.ts';

export interface MadeProxy {
  readonly proxy: Proxy;
  readonly metrics: Metrics;
  /** What it logged, one JSON object a line. */
  readonly log: string[];
  readonly count: (outcome: string) => Promise<number>;
}

export function proxyConfig(settings: Readonly<Record<string, string>>): ProxyConfig {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings)) env[`PHAROS_P_${name.toUpperCase()}`] = value;
  const schema = z.strictObject({ p: proxySection('anything') });
  return (loadConfig(schema, { env }) as { readonly p: ProxyConfig }).p;
}

/** A proxy, stopped when the test ends. @param settings by the names of the options; those inside `http` as `http_…` */
export function makeProxy(
  t: TestContext,
  endpoint: string,
  settings: Readonly<Record<string, string>> = {},
  kind: ProxyKind = 'rpc',
): MadeProxy {
  const log: string[] = [];
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  const proxy = new Proxy({
    kind,
    name: 'default',
    endpoint,
    config: proxyConfig({ timeout: '60s', ...settings }),
    metrics: new ProxyMetrics(metrics, 'test'),
    logger: createLogger({
      name: 'test',
      level: 'debug',
      format: 'json',
      destination: { write: (line) => void log.push(line) },
    }),
  });
  t.after(() => proxy.stop());
  return {
    proxy,
    metrics,
    log,
    count: async (outcome) => {
      const metric = await metrics.registry.getSingleMetric('pharos_test_proxy_calls_total')?.get();
      const values = metric?.values ?? [];
      return values.filter(({ labels }) => labels['outcome'] === outcome).reduce((sum, { value }) => sum + value, 0);
    },
  };
}
