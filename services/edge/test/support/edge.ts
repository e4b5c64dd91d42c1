import { type Bus, MemoryBroker, MemoryBus } from '@pharos/bus';
import { loadConfig } from '@pharos/config';
import type { HistoryStore } from '@pharos/history';
import type { PresenceStore } from '@pharos/presence';
import { createSocketServer, TrustedProxies } from '@pharos/socket-server';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';

import { type EdgeConfig, edgeConfigSchema, edgePreset } from '../../src/config.ts';
import { compressionOf, newIdentity } from '@pharos/service';
import { Edge } from '../../src/edge.ts';

/** An edge in this process, open to everybody, on ports that the system picks. */
export interface TestEdge {
  readonly edge: Edge;
  readonly port: number;
  readonly metrics: Metrics;
  /** What it logged, one JSON object a line. */
  readonly log: string[];
  readonly webSocketUrl: string;
  readonly chatUrl: string;
  stop(): Promise<void>;
}

export interface TestEdgeOptions {
  /** @default a memory bus of its own */
  readonly bus?: Bus;
  /** Whoever made it closes it. */
  readonly history?: HistoryStore;
  /** Overrides, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly socket?: 'uws' | 'ws';
  /** @default none */
  readonly presence?: PresenceStore;
  /** How long a peer may take for what was buffered when its connection was ended. @default 10000 */
  readonly closeTimeoutMs?: number;
}

export async function startTestEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const made = await makeTestEdge(options);
  try {
    await made.edge.run();
  } catch (error) {
    await made.stop();
    throw error;
  }
  return made;
}

export function testConfig(env: Readonly<Record<string, string>>): EdgeConfig {
  const preset = {
    ...edgePreset,
    listen: { host: '127.0.0.1', port: 0 },
    internalListen: { host: '127.0.0.1', port: 0 },
    open: true,
    drainTimeoutMs: 200,
    pulsarUrlRequired: false,
  };
  return loadConfig(edgeConfigSchema(preset), { env });
}

/** The same, not yet run: its ports are 0 until it is. */
export async function makeTestEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const log: string[] = [];
  const logger = createLogger({
    name: 'edge',
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void log.push(line) },
  });
  const config = testConfig(options.env ?? {});
  const bus = options.bus ?? new MemoryBus(new MemoryBroker());
  const compression = compressionOf(config.websocket);
  const server = await createSocketServer({
    implementation: options.socket ?? 'uws',
    trustedProxies: new TrustedProxies(config.trusted_proxies),
    ...(compression === undefined ? {} : { compression }),
    ...(options.closeTimeoutMs === undefined ? {} : { closeTimeoutMs: options.closeTimeoutMs }),
    onWarning: (text) => log.push(text),
  });
  const history = options.history === undefined ? {} : { history: options.history };
  const metrics = new Metrics(createRegistry({ processMetrics: false }));
  const presence = options.presence === undefined ? {} : { presence: options.presence };
  const stores = { ...history, ...presence };
  const edge = new Edge({ config, identity: newIdentity('test-edge'), bus, server, logger, metrics, ...stores });
  return {
    edge,
    metrics,
    log,
    get port(): number {
      return edge.port;
    },
    get webSocketUrl(): string {
      return `ws://127.0.0.1:${edge.port}/connection/websocket`;
    },
    get chatUrl(): string {
      return `ws://127.0.0.1:${edge.port}/`;
    },
    async stop(): Promise<void> {
      await edge.stop();
      await bus.close();
    },
  };
}
