import { RedisClient, type RedisOptions, RedisScript } from '@pharos/redis';
import { type RedisServer, startRedis, startRedisCluster, startRedisSentinel } from '@pharos/testkit';

export const echo = new RedisScript('echo', "return {redis.call('INCR', KEYS[1]), ARGV[1]}");

export function standalone({ port }: { readonly port: number }): RedisOptions {
  return { mode: 'standalone', address: { host: '127.0.0.1', port } };
}

export function addresses(servers: readonly RedisServer[]): { host: string; port: number }[] {
  return servers.map(({ port }) => ({ host: '127.0.0.1', port }));
}

export interface Rig {
  readonly options: RedisOptions;
  stop(): Promise<void>;
}

/** Real servers in each of the three modes. */
export const modes: Readonly<Record<RedisOptions['mode'], () => Promise<Rig>>> = {
  standalone: async () => {
    const server = await startRedis();
    return { options: standalone(server), stop: () => server.stop() };
  },
  sentinel: async () => {
    const group = await startRedisSentinel();
    const sentinels = addresses(group.sentinels);
    return { options: { mode: 'sentinel', sentinels, primaryName: group.primaryName }, stop: () => group.stop() };
  },
  cluster: async () => {
    const cluster = await startRedisCluster();
    return { options: { mode: 'cluster', nodes: addresses(cluster.nodes) }, stop: () => cluster.stop() };
  },
};

/** Runs `work` with a client, which is closed afterwards. */
export async function withClient<T>(options: RedisOptions, work: (client: RedisClient) => Promise<T>): Promise<T> {
  const client = await RedisClient.open(options);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
