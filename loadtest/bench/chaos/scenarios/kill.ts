import { verifyPresenceOf, withCluster } from '../cluster.ts';
import { killed, round } from '../rounds.ts';
import { loadOf, type Scenario } from '../scenario.ts';

/** kill -9 of each service in turn, under load. */
export const kill: Scenario = {
  name: 'kill',
  title: 'kill -9 of any one of two edges, two history, one presence, under load',
  defaults: { rounds: 10, clients: 400 },
  run: ({ rounds, clients, progress }) =>
    withCluster({ fleet: loadOf(clients) }, async (cluster) => {
      const { rig, fleet } = cluster;
      for (let turn = 0; turn < rounds; turn++) {
        progress(`round ${turn + 1} of ${rounds}`);
        for (const node of rig.nodes) {
          await round(rig, fleet, killed(node), { calmMs: 3_000, faultMs: 3_000, awayMs: 6_000, progress });
        }
      }
      const { faults: _, ...counts } = await fleet.settle();
      return { rounds, ...counts, ...(await verifyPresenceOf(cluster)) };
    }),
};
