import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';

const slots = 16_384;

/** A Redis Cluster of primaries without replicas on 127.0.0.1. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Starts a Redis Cluster of three primaries, its slots shared out evenly; resolves when each says that all is well. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes = await startAll([startNode, startNode, startNode]);
  const clients = nodes.map(({ port }) => new Redis({ port, host: '127.0.0.1' }));
  try {
    await Promise.all(clients.map((client, index) => assign(client, index, nodes.length)));
    const [first] = clients;
    for (const node of nodes.slice(1)) {
      await first?.cluster('MEET', '127.0.0.1', node.port, node.clusterPort);
    }
    await Promise.all(
      clients.map((client) =>
        eventually(() => formed(client, nodes.length), 'Redis Cluster with all its slots', 30_000),
      ),
    );
    return { nodes, stop: () => stopAll(nodes) };
  } catch (error) {
    await stopAll(nodes);
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function startNode(): Promise<RedisServer> {
  const bus = await freePort();
  return startRedis({
    settings: {
      'cluster-enabled': 'yes',
      // The default, the port plus 10,000, may be anybody's.
      'cluster-port': String(bus),
      'cluster-node-timeout': '2000',
      'cluster-config-file': 'nodes.conf',
    },
  });
}

async function assign(client: Redis, index: number, count: number): Promise<void> {
  const first = Math.floor((slots * index) / count);
  const last = Math.floor((slots * (index + 1)) / count) - 1;
  await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
  // Nodes that begin with the same epoch settle it by a collision, which takes its time.
  await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
}

async function formed(client: Redis, count: number): Promise<true | undefined> {
  const info = (await client.call('CLUSTER', 'INFO')) as string;
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`) ? true : undefined;
}

/** Starts servers at the same time; where one fails, none is left. */
export async function startAll(starts: readonly (() => Promise<RedisServer>)[]): Promise<RedisServer[]> {
  const outcomes = await Promise.allSettled(starts.map((start) => start()));
  const servers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return servers;
  await stopAll(servers);
  throw failed.reason;
}

export async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
