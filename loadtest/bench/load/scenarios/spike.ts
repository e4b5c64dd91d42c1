import { setTimeout as delay } from 'node:timers/promises';

import { exactly, noneFigure, none } from '../measure/gate.ts';
import type { Scenario } from '../scenario.ts';

/** New connections that an edge of the cluster takes in a second. */
const connectionRateLimit = 100;
/** A tenth of all is there before. */
const before = 10;

/** More come at once than are taken: refusals are clean, who is in notices nothing, in the end all are in. */
export const spike: Scenario = {
  name: 'spike',
  title:
    'more clients at once than the edges take in a second: clean refusals (HTTP 503 with Retry-After), then all are in',
  sizes: {
    full: { clients: 4_000, channels: 20, perSecond: 40, seconds: 10, padBytes: 128 },
    short: { clients: 600, channels: 10, perSecond: 20, seconds: 3, padBytes: 128 },
  },
  cluster: { edge: { client: { connection_rate_limit: connectionRateLimit } } },
  gates: [
    none('failed', 'connections that ended otherwise than by a clean refusal', 'attempts', ({ clients }) => clients),
    {
      id: 'refused',
      what: 'clean refusals: none, and the limits were not reached (client.connection_rate_limit of the cluster)',
      unit: 'count',
      holds: 'at least',
      limit: 1,
      value: ({ tally }) => tally.counters.refused,
      samples: ({ tally }) => tally.counters.attempts,
      least: ({ clients }) => clients,
    },
    none('dropped', 'connections that were in and that the server ended', 'in', ({ clients }) => clients),
    noneFigure('out', 'clients that did not come in in the end'),
    ...exactly(({ perSecond, seconds, clients, channels }) => (clients / before / channels) * perSecond * seconds),
  ],
  together: { out: 'sum' },
  run: async ({ size, fleet, machines, progress }) => {
    const { clients, channels, seconds } = size;
    const few = Math.ceil(clients / before);
    await fleet.open({ clients: few, channels }, { perSecond: connectionRateLimit / 2 / machines });
    await fleet.publish(size);
    await delay((seconds * 1_000) / 2);
    const isIn = await fleet.open({ clients: clients - few, channels }, { perSecond: 100_000, timeoutMs: 120_000 });
    progress(`${isIn} of ${clients} are in, ${(await fleet.tally()).counters.refused} refusals`);
    await delay((seconds * 1_000) / 2);
    return fleet.finish({ out: clients - isIn });
  },
};
