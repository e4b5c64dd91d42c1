import { randomBytes } from 'node:crypto';
import { type HistoryStore, RedisHistory } from '@pharos/history';
import { RedisClient, type RedisOptions } from '@pharos/redis';
import { Redis } from 'ioredis';
import type { HistoryUnderTest } from './conformance/harness.ts';

/** The Redis adapter on real servers; `ports` are those that hold the data. */
export class RedisRig implements HistoryUnderTest {
  readonly client: RedisClient;
  readonly #servers: readonly Redis[];
  readonly #stop: () => Promise<void>;
  readonly #prefix: string = `test-${randomBytes(4).toString('hex')}`;
  readonly #stores: HistoryStore[] = [];

  private constructor(client: RedisClient, ports: readonly number[], stop: () => Promise<void>) {
    this.client = client;
    this.#servers = ports.map((port) => new Redis({ host: '127.0.0.1', port }));
    this.#stop = stop;
  }

  static async open(options: RedisOptions, ports: readonly number[], stop: () => Promise<void>): Promise<RedisRig> {
    return new RedisRig(await RedisClient.open(options), ports, stop);
  }

  newStore(options: Parameters<HistoryUnderTest['newStore']>[0]): RedisHistory {
    const store = new RedisHistory(this.client, { keyPrefix: this.#prefix, ...options });
    this.#stores.push(store);
    return store;
  }

  async flush(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.flushall()));
  }

  async snapshot(): Promise<() => Promise<void>> {
    const all = await Promise.all(this.#servers.map(dump));
    return async () => {
      await this.flush();
      await Promise.all(this.#servers.map((server, index) => restore(server, all[index] ?? [])));
    };
  }

  /** Every key that there is. */
  async keys(): Promise<string[]> {
    return (await Promise.all(this.#servers.map((server) => server.keys('*')))).flat();
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    this.client.close();
    for (const server of this.#servers) server.disconnect();
    await this.#stop();
  }
}

interface Dumped {
  readonly key: string;
  readonly ttlMs: number;
  readonly value: Buffer;
}

async function dump(server: Redis): Promise<Dumped[]> {
  const keys = await server.keys('*');
  return Promise.all(
    keys.map(async (key) => {
      const [ttlMs, value] = await Promise.all([server.pttl(key), server.dumpBuffer(key)]);
      return { key, ttlMs: Math.max(0, ttlMs), value: value };
    }),
  );
}

async function restore(server: Redis, dumped: readonly Dumped[]): Promise<void> {
  await Promise.all(dumped.map(({ key, ttlMs, value }) => server.restore(key, ttlMs, value)));
}
