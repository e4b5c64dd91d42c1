import { startRedis, startRedisCluster, unavailable } from '@pharos/testkit';
import { historyConformance } from './conformance.ts';
import { RedisRig } from './redis-rig.ts';

const skip = unavailable('redis');

historyConformance('redis', { skip }, async () => {
  const server = await startRedis();
  const address = { host: '127.0.0.1', port: server.port };
  return RedisRig.open({ mode: 'standalone', address }, [server.port], () => server.stop());
});

historyConformance('redis cluster', { skip }, async () => {
  const cluster = await startRedisCluster();
  const ports = cluster.nodes.map(({ port }) => port);
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
  return RedisRig.open({ mode: 'cluster', nodes }, ports, () => cluster.stop());
});
