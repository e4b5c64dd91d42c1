import { verifyPresenceOf, withCluster } from '../cluster.ts';
import { frozen, round } from '../rounds.ts';
import { loadOf, type Scenario } from '../scenario.ts';

/** Long enough for the reaper to bury the edge: it looks twice, a lease apart, after the lease has run out. */
const leases = 3;

/** An edge is stopped until it is taken for dead, and comes back. */
export const pause: Scenario = {
  name: 'pause',
  title: 'SIGSTOP of an edge past its lease, and SIGCONT',
  defaults: { rounds: 3, clients: 400 },
  run: ({ rounds, clients, progress }) =>
    withCluster({ fleet: loadOf(clients) }, async (cluster) => {
      const { rig, fleet } = cluster;
      const times = { calmMs: 10_000, faultMs: leases * rig.leaseMs, progress };
      for (let turn = 0; turn < rounds; turn++) {
        for (const edge of rig.of('edge')) await round(rig, fleet, frozen(edge), times);
      }
      const { faults: _, ...counts } = await fleet.settle();
      return { rounds, ...counts, ...(await verifyPresenceOf(cluster)) };
    }),
};
