import { RedisPresence } from '@pharos/presence';
import { RedisClient, type RedisOptions } from '@pharos/redis';
import { startRedis, startRedisCluster, unavailable } from '@pharos/testkit';
import { presenceConformance } from './conformance.ts';
import type { PresenceUnderTest } from './conformance/harness.ts';

const skip = unavailable('redis');

async function rig(options: RedisOptions, stop: () => Promise<void>): Promise<PresenceUnderTest> {
  const client = await RedisClient.open(options);
  return {
    newStore: () => new RedisPresence(client),
    close: async () => {
      client.close();
      await stop();
    },
  };
}

presenceConformance('redis', { skip }, async () => {
  const server = await startRedis();
  return rig({ mode: 'standalone', address: { host: '127.0.0.1', port: server.port } }, () => server.stop());
});

presenceConformance('redis cluster', { skip }, async () => {
  const cluster = await startRedisCluster();
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  return rig({ mode: 'cluster', nodes }, () => cluster.stop());
});
