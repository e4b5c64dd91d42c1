import { setTimeout as delay } from 'node:timers/promises';

import { connectGate, exactly, quantileGate, recoveredGate } from '../measure/gate.ts';
import { dueDeliveries, type Scenario } from '../scenario.ts';

const size = { clients: 20, channels: 4, perSecond: 20, seconds: 5, padBytes: 64 };

/** Does it work at all: in, publish, receive, lose the connection, resume. */
export const smoke: Scenario = {
  name: 'smoke',
  title: 'a few clients connect, publish, receive, lose their connections and resume',
  sizes: { full: size, short: { ...size, seconds: 2 } },
  gates: [
    connectGate(1, ({ clients }) => clients),
    quantileGate('delivery', 99, 1_000, dueDeliveries),
    ...exactly(dueDeliveries),
    recoveredGate(({ clients }) => clients),
  ],
  together: {},
  run: async ({ size, fleet }) => {
    await fleet.open(size);
    await fleet.publish(size);
    // Load is time, not an event: these are the stretches of a run, here and in all scenarios.
    await delay((size.seconds * 1_000) / 2);
    await fleet.cut();
    await fleet.returned(1, 30_000);
    await delay((size.seconds * 1_000) / 2);
    return fleet.finish();
  },
};
