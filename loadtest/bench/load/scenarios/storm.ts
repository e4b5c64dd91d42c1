import { setTimeout as delay } from 'node:timers/promises';

import { exactly, quantileGate, recoveredGate } from '../measure/gate.ts';
import { dueDeliveries, type Scenario } from '../scenario.ts';

const returnTimeoutMs = 60_000;

/** Everybody is cut at once and comes back, while publications flow. */
export const storm: Scenario = {
  name: 'storm',
  title: 'reconnect storm: everybody loses the connection at once, comes back and resumes',
  sizes: {
    full: { clients: 5_000, channels: 50, perSecond: 50, seconds: 20, padBytes: 128 },
    short: { clients: 500, channels: 10, perSecond: 20, seconds: 4, padBytes: 128 },
  },
  gates: [
    quantileGate('return', 99, 10_000, ({ clients }) => 0.99 * clients),
    recoveredGate(({ clients }) => 0.99 * clients),
    ...exactly(dueDeliveries),
  ],
  together: {},
  run: async ({ size, fleet, progress }) => {
    progress(`${await fleet.open(size)} of ${size.clients} clients are in`);
    await fleet.publish(size);
    await delay((size.seconds * 1_000) / 2);
    const cutAt = performance.now();
    await fleet.cut();
    const returned = await fleet.returned(0.99, returnTimeoutMs);
    progress(`${returned} are back after ${Math.round(performance.now() - cutAt)} ms`);
    await delay((size.seconds * 1_000) / 2);
    return fleet.finish();
  },
};
