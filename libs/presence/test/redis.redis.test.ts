import { RedisPresence } from '@pharos/presence';
import { RedisClient, type RedisOptions } from '@pharos/redis';
import { makeDocumentedUsers, startRedis, startRedisCluster, unavailable } from '@pharos/testkit';
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

presenceConformance('redis, with no more rights than docs/security.md asks for', { skip }, async () => {
  const server = await startRedis();
  await makeDocumentedUsers(server.port, 'a-password');
  const address = { host: '127.0.0.1', port: server.port };
  const user = { username: 'pharos-presence', password: 'a-password' };
  return rig({ mode: 'standalone', address, ...user }, () => server.stop());
});

presenceConformance('redis cluster', { skip }, async () => {
  const cluster = await startRedisCluster();
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  return rig({ mode: 'cluster', nodes }, () => cluster.stop());
});
