import { after, before, describe, test } from 'node:test';
import { startRedis, unavailable } from '@pharos/testkit';
import fc from 'fast-check';
import { MemoryRig } from './memory-rig.ts';
import { steps } from './model/steps.ts';
import { World } from './model/world.ts';
import { RedisRig } from './redis-rig.ts';

describe('the Redis history against the memory one and the log', {
  skip: unavailable('redis'),
  timeout: 120_000,
}, () => {
  let redis: RedisRig;
  before(async () => {
    const server = await startRedis();
    const address = { host: '127.0.0.1', port: server.port };
    redis = await RedisRig.open({ mode: 'standalone', address }, [server.port], () => server.stop());
  });
  after(() => redis.close());

  test('whatever happens, both say the same, and it is true', async () => {
    const property = fc.asyncProperty(steps, async (taken) => {
      await redis.flush();
      const world = new World([new MemoryRig(), redis]);
      for (const step of taken) await world.take(step);
      await world.check();
    });
    await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 60_000 });
  });
});
