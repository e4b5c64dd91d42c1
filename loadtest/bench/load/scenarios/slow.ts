import { setTimeout as delay } from 'node:timers/promises';

import { exactly, figureGate, noneFigure, quantileGate } from '../measure/gate.ts';
import { type LoadContext, type Scenario, type Size } from '../scenario.ts';
import { slowConnectionsOf } from '../target.ts';

/** One in ten stops reading. */
function slowOf({ clients }: Size): number {
  return Math.ceil(clients / 10);
}

/** Some clients stop reading: they are ended, told so when they read again, and nobody else notices. */
export const slow: Scenario = {
  name: 'slow',
  title: 'one client in ten stops reading: it is ended (3008), the others notice nothing',
  sizes: {
    full: { clients: 60, channels: 4, perSecond: 80, seconds: 60, padBytes: 32_768 },
    short: { clients: 30, channels: 2, perSecond: 60, seconds: 30, padBytes: 32_768 },
  },
  cluster: { edge: { client: { queue_max_size: '256KiB' } } },
  gates: [
    // It is over when they are ended, however soon that is.
    quantileGate('delivery', 99, 500, ({ clients }) => clients),
    ...exactly(({ clients }) => clients),
    figureGate('slowEnded', {
      what: 'share of the slow clients that were ended for it',
      unit: 'share',
      holds: 'at least',
      limit: 1,
    }),
    noneFigure('othersDropped', 'others whose connection the server ended'),
  ],
  run: async (context) => {
    const { size, fleet } = context;
    const count = slowOf(size);
    await fleet.open(size);
    await fleet.publish(size);
    await fleet.reading(count, false);
    await untilEnded(context, count);
    await fleet.reading(count, true);
    const measured = await fleet.finish();
    const { dropped, slow: ended } = measured.tally.counters;
    return { ...measured, figures: { ...measured.figures, slowEnded: ended / count, othersDropped: dropped - ended } };
  },
};

/** When the edges have ended them, or the time is up, for those whose metrics aren't known. */
async function untilEnded({ size, target, progress }: LoadContext, count: number): Promise<void> {
  const giveUpAt = performance.now() + size.seconds * 1_000;
  while (performance.now() < giveUpAt) {
    await delay(200);
    if (target.metricsUrls.length > 0 && (await slowConnectionsOf(target)) >= count) break;
  }
  progress(`${count} clients read again`);
}
