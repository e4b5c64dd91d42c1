import { setTimeout as delay } from 'node:timers/promises';

import { connectGate, exactly, none, quantileGate } from '../measure/gate.ts';
import type { Scenario } from '../scenario.ts';

/** More and more clients, up to all, while publications flow. */
export const ramp: Scenario = {
  name: 'ramp',
  title: 'clients come evenly over the time, while publications flow',
  sizes: {
    full: { clients: 5_000, channels: 50, perSecond: 50, seconds: 60, padBytes: 128 },
    short: { clients: 500, channels: 20, perSecond: 20, seconds: 5, padBytes: 128 },
  },
  gates: [
    connectGate(0.999, ({ clients }) => clients),
    quantileGate('connect', 95, 1_000, ({ clients }) => clients),
    none('dropped', 'connections that the server ended', 'in', ({ clients }) => clients),
    ...exactly(({ clients }) => clients),
  ],
  together: {},
  run: async ({ size, fleet }) => {
    await fleet.publish(size);
    await fleet.open(size, { perSecond: size.clients / size.seconds });
    await delay(holdMs);
    return fleet.finish();
  },
};

/** All are there for so long, that the last ones get something too. */
const holdMs = 3_000;
