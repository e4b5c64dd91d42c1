import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, isFree } from './free-port.ts';
import { type ServiceProcess, spawnService } from './process/service-process.ts';

export interface PrometheusTarget {
  readonly job: string;
  /** host:port whose /metrics is scraped. */
  readonly address: string;
  /** What dashboards tell processes apart by. */
  readonly pod: string;
}

export interface PrometheusOptions {
  readonly targets: readonly PrometheusTarget[];
  /** Rule files. */
  readonly rules?: readonly string[];
  /** Between scrapes, and between evaluations of rules. @default 5000 */
  readonly intervalMs?: number;
  /** @default one that is free */
  readonly port?: number;
}

/** One series of a range: its labels, and pairs of time (seconds since 1970) and value. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

/** A Prometheus on 127.0.0.1 that keeps its data in a temporary folder and dies with this process. */
export interface PrometheusServer {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** @throws Error with what Prometheus says of the expression */
  queryRange(expression: string, range: QueryRange): Promise<readonly Series[]>;
  stop(): Promise<void>;
}

/** Seconds since 1970, and seconds. */
export interface QueryRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const maxStarts = 3;

/** Starts Debian's or any other `prometheus` in PATH; throws `tool-missing` where there is none. */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const dir = await mkdtemp(join(tmpdir(), 'pharos-prometheus-'));
  const config = join(dir, 'prometheus.json');
  // JSON is YAML.
  await writeFile(config, JSON.stringify(configOf(options)));
  for (let start = 1; ; start++) {
    const port = options.port ?? (await freePort());
    try {
      return running(await started(config, dir, port), port, dir);
    } catch (error) {
      if (start < maxStarts && options.port === undefined && !(await isFree(port))) continue;
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }
}

/** What Prometheus is configured with. */
function configOf({ targets, rules = [], intervalMs = 5_000 }: PrometheusOptions): object {
  const interval = `${intervalMs}ms`;
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: rules,
    scrape_configs: [...new Set(targets.map(({ job }) => job))].map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ address, pod }) => ({ targets: [address], labels: { pod } })),
    })),
  };
}

function started(config: string, dir: string, port: number): Promise<ServiceProcess> {
  const flags = {
    'config.file': config,
    'storage.tsdb.path': join(dir, 'data'),
    'web.listen-address': `127.0.0.1:${port}`,
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  return spawnService('prometheus', args, { cwd: dir, readyPattern: /Server is ready to receive web requests/ });
}

function running(server: ServiceProcess, port: number, dir: string): PrometheusServer {
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    queryRange: (expression, range) => queryRange(url, expression, range),
    stop: async () => {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Asks any Prometheus. @throws Error with what it says of the expression */
export async function queryRange(url: string, expression: string, range: QueryRange): Promise<readonly Series[]> {
  const { start, end, step } = range;
  const body = new URLSearchParams({
    query: expression,
    start: String(start),
    end: String(end),
    step: String(step),
  });
  const response = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body });
  const answer = (await response.json()) as { status: string; error?: string; data?: { result: Series[] } };
  if (answer.data === undefined) throw new Error(`Prometheus refuses ${expression}: ${answer.error ?? answer.status}`);
  return answer.data.result;
}
