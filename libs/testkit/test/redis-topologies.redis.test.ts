import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { type RedisSentinel, startRedisCluster, startRedisSentinel, unavailable } from '@pharos/testkit';

const skip = unavailable('redis');

describe('startRedisSentinel', { skip, timeout: 120_000 }, () => {
  let group: RedisSentinel;
  before(async () => {
    group = await startRedisSentinel();
  });
  after(() => group.stop());

  test('the replica takes over from a primary that was killed', async () => {
    const { primary, replica } = group;
    const client = new Redis({ host: '127.0.0.1', port: primary.port });
    await client.set('k', 'v');
    assert.equal(await client.wait(1, 5_000), 1);
    client.on('error', () => undefined);
    await group.promoted(primary);
    await primary.kill();
    client.disconnect();
    await group.promoted(replica);
    const after = new Redis({ host: '127.0.0.1', port: replica.port });
    assert.equal(await after.get('k'), 'v');
    assert.equal(await after.set('k', 'w'), 'OK');
    after.disconnect();
  });
});

describe('startRedisCluster', { skip, timeout: 120_000 }, () => {
  test('three nodes share the slots and send clients on to each other', async () => {
    const cluster = await startRedisCluster();
    try {
      assert.equal(cluster.nodes.length, 3);
      const [node] = cluster.nodes;
      const client = new Redis({ host: '127.0.0.1', port: node?.port ?? 0 });
      const keys = Array.from({ length: 30 }, (_value, index) => `k${index}`);
      const answers = await Promise.all(
        keys.map((key) => client.set(key, 'v').catch((error: unknown) => /127\.0\.0\.1:\d+/.exec(String(error))?.[0])),
      );
      client.disconnect();
      const others = cluster.nodes.slice(1).map(({ port }) => `127.0.0.1:${port}`);
      assert.deepEqual(new Set(answers), new Set(['OK', ...others]));
    } finally {
      await cluster.stop();
    }
  });
});
