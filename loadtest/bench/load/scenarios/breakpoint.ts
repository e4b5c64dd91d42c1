import { setTimeout as delay } from 'node:timers/promises';

import type { LoadFleet } from '../load-fleet.ts';
import { exactly, figureGate } from '../measure/gate.ts';
import { Tally } from '../measure/tally.ts';
import type { Scenario } from '../scenario.ts';

const growth = 1.5;
const maxSteps = 30;
const p99LimitMs = 500;
/** Of the publications that were due. */
const withheldLimit = 0.01;
const busyLimit = 0.95;
/** After a change of pace. */
const warmUpMs = 1_000;

/** More and more publications until it gives way. */
export const breakpoint: Scenario = {
  name: 'breakpoint',
  title: `half as many publications more with every step, until p99 is beyond ${p99LimitMs} ms, or publishers have to wait`,
  sizes: {
    full: { clients: 1_000, channels: 20, perSecond: 100, seconds: 15, padBytes: 128 },
    short: { clients: 100, channels: 10, perSecond: 50, seconds: 3, padBytes: 128 },
  },
  gates: [
    figureGate('heldDeliveries', {
      what: 'deliveries a second of the last step that held',
      unit: 'count',
      holds: 'at least',
      limit: 1,
    }),
    ...exactly(() => 1),
  ],
  run: async ({ size, fleet, progress }) => {
    await fleet.open(size);
    await fleet.publish(size);
    const total = new Tally();
    let held = 0;
    let heldDeliveries = 0;
    let perSecond = size.perSecond;
    for (let step = 0; step < maxSteps; step++, perSecond *= growth) {
      await fleet.pace({ ...size, perSecond });
      await delay(warmUpMs);
      total.merge((await takeTally(fleet)).toJSON());
      await delay(size.seconds * 1_000);
      const busy = await fleet.busy();
      const tally = await takeTally(fleet);
      total.merge(tally.toJSON());
      const why = whyNot(tally, busy);
      const deliveries = tally.counters.deliveries / size.seconds;
      progress(
        `${Math.round(perSecond)} publications a second, ${Math.round(deliveries)} deliveries: ${why ?? 'held'}`,
      );
      if (why !== undefined) break;
      held = perSecond;
      heldDeliveries = deliveries;
    }
    const { tally, figures } = await fleet.finish();
    total.merge(tally.toJSON());
    return { tally: total, figures: { ...figures, held, heldDeliveries } };
  },
};

async function takeTally(fleet: LoadFleet): Promise<Tally> {
  const tally = await fleet.tally();
  await fleet.reset();
  return tally;
}

function whyNot({ counters, durations }: Tally, busy: number): string | undefined {
  const p99 = durations.delivery.quantile(0.99);
  if (durations.delivery.count === 0) return 'nothing came';
  if (p99 > p99LimitMs) return `p99 is ${Math.round(p99)} ms`;
  if (counters.withheld > withheldLimit * (counters.published + counters.withheld)) return 'publishers had to wait';
  if (counters.unacknowledged > 0) return `${counters.unacknowledged} publications were not acknowledged`;
  if (busy > busyLimit) return 'the generator itself is busy: more --processes, on more cores';
  return undefined;
}
