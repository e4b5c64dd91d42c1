import { checkedRedisAway, checkedRedisFlushed } from '../checked-redis.ts';
import { verifyPresenceOf, withCluster } from '../cluster.ts';
import { loadOf, type Scenario } from '../scenario.ts';

/**
 * Two seconds of the lane with the most channels, of what is missed for half of one: with the small rings of other scenarios it is a matter of luck whether memory
 * still has it, and only memory can.
 */
const missedForAWhile = { max_lane_size: '256KiB' };

/** Redis is gone for a minute. */
export const redisGone: Scenario = {
  name: 'redis-gone',
  title: 'Redis away for a minute: live and ring recovery go on, presence says temporary, nobody is reaped',
  defaults: { rounds: 3, clients: 400 },
  run: ({ rounds, clients, progress }) =>
    withCluster({ fleet: loadOf(clients), edge: { ring: missedForAWhile } }, async (cluster) => {
      for (let turn = 0; turn < rounds; turn++) {
        await checkedRedisAway(cluster, { calmMs: 5_000, faultMs: 60_000, progress });
      }
      const { faults: _, ...counts } = await cluster.fleet.settle();
      return { rounds, ...counts, ...(await verifyPresenceOf(cluster)) };
    }),
};

/** Redis loses everything. */
export const redisFlush: Scenario = {
  name: 'redis-flush',
  title: 'FLUSHALL under load: epoch unchanged, history rebuilt from the log, presence true again',
  defaults: { rounds: 3, clients: 400 },
  run: ({ rounds, clients, progress }) =>
    withCluster({ fleet: loadOf(clients) }, async (cluster) => {
      for (let turn = 0; turn < rounds; turn++) {
        await checkedRedisFlushed(cluster, { calmMs: 10_000, faultMs: 5_000, awayMs: 10_000, progress });
      }
      const { faults: _, ...counts } = await cluster.fleet.settle();
      return { rounds, ...counts, ...(await verifyPresenceOf(cluster)) };
    }),
};
