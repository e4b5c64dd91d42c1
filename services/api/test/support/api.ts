import type { TestContext } from 'node:test';
import { type Bus, MemoryBroker, MemoryBus } from '@pharos/bus';
import { loadConfig } from '@pharos/config';
import { MemoryHistory } from '@pharos/history';
import { MemoryPresence } from '@pharos/presence';
import { createSocketServer } from '@pharos/socket-server';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { ApiService } from '../../src/api-service.ts';
import { type ApiConfig, apiConfigSchema } from '../../src/config.ts';
import { MemoryIdempotency } from '../../src/idempotency/memory-store.ts';
import type { IdempotencyStore } from '../../src/idempotency/port.ts';

export type Json = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly text: string;
}

export interface TestApi {
  readonly service: ApiService;
  readonly url: string;
  readonly metrics: Metrics;
  /** What it logged, one JSON object a line. */
  readonly log: string[];
  readonly history: MemoryHistory;
  readonly presence: MemoryPresence;
  call(method: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The result of a command that must succeed. */
  result(method: string, body: unknown): Promise<Json>;
  /** The code of the error of a command; 0 where it succeeds. */
  errorOf(method: string, body: unknown): Promise<number>;
  stop(): Promise<void>;
}

export interface TestApiOptions {
  readonly bus?: Bus;
  readonly broker?: MemoryBroker;
  readonly idempotency?: IdempotencyStore;
  readonly history?: MemoryHistory;
  readonly env?: Readonly<Record<string, string>>;
}

export const namespaces = [
  {
    name: 'kept',
    history_size: 100,
    history_ttl: '1h',
    presence: true,
    lanes: 4,
    log: 'persistent://public/default/kept',
  },
  { name: 'plain', channel_regex: '^[a-z]+$' },
];

/** The server API in this process, on a port that the system picks; stopped when the test ends. */
export async function startApi(t: TestContext, options: TestApiOptions = {}): Promise<TestApi> {
  const log: string[] = [];
  const logger = createLogger({
    name: 'api',
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void log.push(line) },
  });
  const config: ApiConfig = loadConfig(apiConfigSchema(), {
    env: {
      PHAROS_PULSAR_URL: 'pulsar://none:1',
      PHAROS_REDIS_URL: 'redis://none:1',
      PHAROS_HTTP_API_KEY: 'secret',
      PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces),
      ...options.env,
    },
  });
  const bus = options.bus ?? new MemoryBus(options.broker ?? new MemoryBroker());
  const history = options.history ?? new MemoryHistory();
  const presence = new MemoryPresence();
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  const service = new ApiService({
    channel: config.channel,
    config: config.http_api,
    control: config.control,
    rpc: config.rpc,
    proxies: config.proxies,
    commands: config.commands,
    commandRetryMs: 20,
    bus,
    history,
    presence,
    idempotency: options.idempotency ?? new MemoryIdempotency(),
    logger,
    metrics,
  });
  const server = await createSocketServer({ implementation: 'uws', onWarning: (text) => log.push(text) });
  for (const route of service.routes) server.http(route);
  const port = await server.listen('127.0.0.1', 0);
  await service.run();
  const url = `http://127.0.0.1:${port}/api`;
  const call = (method: string, body: unknown, headers: Record<string, string> = { 'X-API-Key': 'secret' }) =>
    post(`${url}/${method}`, body, headers);
  let isStopped = false;
  const api: TestApi = {
    service,
    url,
    metrics,
    log,
    history,
    presence,
    call,
    async result(method, body) {
      const { text, body: answer } = await call(method, body);
      if (answer['result'] === undefined) throw new Error(`${method}: ${text}`);
      return answer['result'] as Json;
    },
    async errorOf(method, body) {
      const { body: answer } = await call(method, body);
      return (answer['error'] as { code: number } | undefined)?.code ?? 0;
    },
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await service.stop();
      await server.stop();
      await bus.close();
    },
  };
  t.after(() => api.stop());
  return api;
}

export async function post(url: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) as Json, text };
}
