import { makeDocumentedUsers, startRedis, startRedisCluster, unavailable } from '@pharos/testkit';
import { historyConformance } from './conformance.ts';
import { RedisRig } from './redis-rig.ts';

const skip = unavailable('redis');

historyConformance('redis, with no more rights than docs/security.md asks for', { skip }, async () => {
  const server = await startRedis();
  await makeDocumentedUsers(server.port, 'a-password', 'test-*');
  const address = { host: '127.0.0.1', port: server.port };
  const user = { username: 'pharos-history', password: 'a-password' };
  return RedisRig.open({ mode: 'standalone', address, ...user }, [server.port], () => server.stop());
});

historyConformance('redis cluster', { skip }, async () => {
  const cluster = await startRedisCluster();
  const ports = cluster.nodes.map(({ port }) => port);
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
  return RedisRig.open({ mode: 'cluster', nodes }, ports, () => cluster.stop());
});
