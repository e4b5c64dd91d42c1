import { setTimeout as delay } from 'node:timers/promises';

import { exactly, noneFigure, recoveredGate } from '../measure/gate.ts';
import { dueDeliveries, type LoadContext, type Scenario } from '../scenario.ts';

/** A deploy under load. */
export const rollout: Scenario = {
  name: 'rollout',
  title: 'every edge is replaced under load; of a cluster that is given by --url you restart them yourself meanwhile',
  sizes: {
    full: { clients: 2_000, channels: 20, perSecond: 100, seconds: 60, padBytes: 128 },
    short: { clients: 300, channels: 10, perSecond: 20, seconds: 6, padBytes: 128 },
  },
  gates: [
    // Of two edges one has half of the clients; those of the first one move twice.
    recoveredGate(({ clients }) => clients / 2),
    ...exactly(dueDeliveries),
    noneFigure('exitFailures', 'edges that did not end as they should'),
  ],
  together: { exitFailures: 'sum' },
  run: async (context) => {
    const { size, fleet } = context;
    await fleet.open(size);
    await fleet.publish(size);
    const exitFailures = await replaceEdges(context);
    return fleet.finish({ exitFailures });
  },
};

async function replaceEdges({ size, target, progress }: LoadContext): Promise<number> {
  const edges = target.rig?.of('edge') ?? [];
  if (edges.length === 0) {
    progress(`restart the edges now, one after the other: the load goes on for ${size.seconds} s`);
    await delay(size.seconds * 1_000);
    return 0;
  }
  const calmMs = (size.seconds * 1_000) / (edges.length + 1);
  let failures = 0;
  await delay(calmMs);
  for (const edge of edges) {
    const begin = performance.now();
    const code = await edge.stop();
    if (code !== 0) failures++;
    progress(`${edge.name} ended with exit code ${code} after ${Math.round(performance.now() - begin)} ms`);
    await edge.start();
    await delay(calmMs);
  }
  return failures;
}
