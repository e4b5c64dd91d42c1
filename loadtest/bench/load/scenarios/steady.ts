import { setTimeout as delay } from 'node:timers/promises';

import { connectGate, exactly, none, quantileGate } from '../measure/gate.ts';
import { dueDeliveries, type Scenario } from '../scenario.ts';

/** Fan-out at an even rate. */
export const steady: Scenario = {
  name: 'steady',
  title: 'fan-out at an even rate',
  sizes: {
    full: { clients: 2_000, channels: 20, perSecond: 100, seconds: 60, padBytes: 128 },
    short: { clients: 400, channels: 10, perSecond: 50, seconds: 5, padBytes: 128 },
  },
  gates: [
    connectGate(0.999, ({ clients }) => clients),
    quantileGate('delivery', 95, 250, dueDeliveries),
    quantileGate('delivery', 99, 500, dueDeliveries),
    quantileGate('acknowledge', 99, 500, ({ perSecond, seconds }) => (perSecond * seconds) / 2),
    none('dropped', 'connections that the server ended', 'in', ({ clients }) => clients),
    ...exactly(dueDeliveries),
  ],
  together: {},
  run: async ({ size, fleet, progress }) => {
    progress(`${await fleet.open(size)} of ${size.clients} clients are in`);
    await fleet.publish(size);
    await delay(size.seconds * 1_000);
    return fleet.finish();
  },
};
