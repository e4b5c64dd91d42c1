import { fileURLToPath } from 'node:url';

import { type Log, PulsarBus } from '@pharos/bus';
import { RedisHistory } from '@pharos/history';
import { RedisClient, type RedisOptions } from '@pharos/redis';
import { freePort, type RedisServer, type ServiceProcess, type SharedPulsar, spawnService } from '@pharos/testkit';
import { randomBytes } from 'node:crypto';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const cli = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url));

export type Environment = Readonly<Record<string, string>>;

/** `pharos serve history` as a process of its own, from the sources. */
export class HistoryProcess {
  readonly process: ServiceProcess;
  readonly #internalPort: number;

  constructor(process: ServiceProcess, internalPort: number) {
    this.process = process;
    this.#internalPort = internalPort;
  }

  async get(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.#internalPort}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** The value of a metric, summed over the label sets that have `label` in them. */
  async metric(name: string, label = ''): Promise<number> {
    const { body } = await this.get('/metrics');
    const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines
      .filter((line) => line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}

export interface HistoryEnvironment {
  readonly pulsar: SharedPulsar;
  readonly redisUrl: string;
  readonly topic: string;
  readonly lanes?: number;
  readonly env?: Environment;
  /** Resolve when the logs are open; else as soon as it answers at all. @default true */
  readonly waitUntilReady?: boolean;
}

export async function startHistoryProcess(options: HistoryEnvironment): Promise<HistoryProcess> {
  const { pulsar, redisUrl, topic, lanes, env } = options;
  const port = await freePort();
  const namespace = {
    name: 'kept',
    log: topic,
    history_size: 1_000_000,
    history_ttl: '24h',
    ...(lanes === undefined ? {} : { lanes }),
  };
  const settings: Environment = {
    PHAROS_PULSAR_URL: pulsar.serviceUrl,
    PHAROS_PULSAR_ADMIN_URL: pulsar.adminUrl,
    PHAROS_REDIS_URL: redisUrl,
    PHAROS_INTERNAL_LISTEN: `127.0.0.1:${port}`,
    PHAROS_CHANNEL_NAMESPACES: JSON.stringify([namespace]),
    PHAROS_CHANNEL_WITHOUT_NAMESPACE_LOG: topic,
    ...env,
  };
  const process_ = await spawnService(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', cli, 'serve', 'history'],
    {
      cwd: root,
      env: settings,
      readyPattern: options.waitUntilReady === false ? /history .* starts/ : /logs are followed/,
      readyTimeoutMs: 60_000,
    },
  );
  return new HistoryProcess(process_, port);
}

/** What a test looks with: a bus, the log and the store. */
export interface Look {
  readonly bus: PulsarBus;
  readonly log: Log;
  readonly store: RedisHistory;
  readonly close: () => Promise<void>;
}

export async function look(pulsar: SharedPulsar, redis: RedisOptions, topic: string, lanes: number): Promise<Look> {
  const bus = new PulsarBus({
    serviceUrl: pulsar.serviceUrl,
    adminUrl: pulsar.adminUrl,
    namePrefix: `look-${randomBytes(4).toString('hex')}`,
    tailSubscription: 'exclusive',
  });
  const log = await bus.openLog({ topic, lanes });
  const client = RedisClient.start(redis, () => undefined);
  const store = new RedisHistory(client, { maxReplyBytes: 256 * 1024 * 1024 });
  return {
    bus,
    log,
    store,
    close: async () => {
      await store.close();
      client.close();
      await bus.close();
    },
  };
}

export function addressOf(redis: RedisServer): RedisOptions {
  return { mode: 'standalone', address: { host: '127.0.0.1', port: redis.port } };
}

/** Publishes at a steady rate until told to stop; every publication has its channel and number. */
export class Load {
  readonly #log: Log;
  readonly #channels: number;
  readonly #perSecond: number;
  readonly #numbers = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly failures: unknown[] = [];

  constructor(log: Log, options: { readonly channels: number; readonly perSecond: number }) {
    this.#log = log;
    this.#channels = options.channels;
    this.#perSecond = options.perSecond;
  }

  get published(): number {
    return this.#next;
  }

  start(): void {
    const beganAt = performance.now();
    const first = this.#next;
    this.#timer = setInterval(() => {
      const due = first + ((performance.now() - beganAt) * this.#perSecond) / 1000;
      while (this.#next < due) this.#publish();
    }, 10);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  #publish(): void {
    const channel = `kept:${this.#next++ % this.#channels}`;
    const number = this.#numbers.get(channel) ?? 0;
    this.#numbers.set(channel, number + 1);
    const sent = this.#log
      .append({ channel, data: Buffer.from(`${channel} ${number}`) }, 60_000)
      .catch((error: unknown) => this.failures.push(error))
      .finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
  }
}
