import { setTimeout as delay } from 'node:timers/promises';

import { connectGate, exactly, figureGate, none, quantileGate } from '../measure/gate.ts';
import { slopeOf } from '../measure/edge-sample.ts';
import { dueDeliveries, type Scenario } from '../scenario.ts';
import { sampleTarget, type Target } from '../target.ts';

const sampleMs = 5_000;
const mebibyte = 2 ** 20;
/** What a process may have open beside clients may change by so many: connections to brokers and Redis come and go. */
const spareDescriptors = 16;
const emptyTimeoutMs = 60_000;
const lookMs = 100;

/** The same load for long: memory levels off, and nothing of the clients is left when they are gone. */
export const soak: Scenario = {
  name: 'soak',
  title: 'the same load for long: memory of the edges levels off, descriptors come back (with --url also --metrics)',
  sizes: {
    full: { clients: 2_000, channels: 20, perSecond: 100, seconds: 1_800, padBytes: 128 },
    short: { clients: 200, channels: 10, perSecond: 50, seconds: 60, padBytes: 128 },
  },
  gates: [
    connectGate(0.999, ({ clients }) => clients),
    quantileGate('delivery', 99, 500, dueDeliveries),
    none('dropped', 'connections that the server ended', 'in', ({ clients }) => clients),
    ...exactly(dueDeliveries),
    figureGate('rssSlope', {
      what: 'by how much the memory of all edges together grows, over the last two thirds',
      unit: 'MiB/min',
      holds: 'at most',
      limit: 1,
      samples: 'rssSamples',
      least: ({ seconds }) => Math.floor((seconds * 1_000) / sampleMs / 2),
    }),
    figureGate('descriptorsLeft', {
      what: `descriptors more than before, when all clients are gone (${spareDescriptors} may be of other things)`,
      unit: 'count',
      holds: 'at most',
      limit: spareDescriptors,
    }),
  ],
  // Each machine sees all edges: the largest is that of who looked before the others came.
  together: { rssSlope: 'most', rssSamples: 'sum', descriptorsLeft: 'most' },
  run: async (context) => {
    const { size, fleet, target, progress } = context;
    if (target.metricsUrls.length === 0) throw new RangeError('soak needs the addresses of /metrics: --metrics');
    const before = await sampleTarget(target);
    await fleet.open(size);
    await fleet.publish(size);
    const points: { at: number; value: number }[] = [];
    const begin = performance.now();
    while (performance.now() - begin < size.seconds * 1_000) {
      await delay(sampleMs);
      const { rssBytes, descriptors } = await sampleTarget(target);
      const at = (performance.now() - begin) / 60_000;
      points.push({ at, value: rssBytes / mebibyte });
      progress(`${at.toFixed(1)} min: ${(rssBytes / mebibyte).toFixed(1)} MiB, ${descriptors} descriptors`);
    }
    const measured = await fleet.finish();
    await fleet.leave();
    const rest = points.slice(Math.floor(points.length / 3));
    const figures = {
      ...measured.figures,
      rssSlope: slopeOf(rest),
      rssSamples: rest.length,
      descriptorsLeft: await descriptorsLeft(target, before.descriptors),
    };
    return { tally: measured.tally, figures };
  },
};

/**
 * How many more are open than before, when the edges have closed what was the clients'. A connection is no longer counted once its close is said;
 * its descriptor stays open until the client has answered. What is still open after the timeout is left.
 */
export async function descriptorsLeft(
  target: Target,
  before: number,
  timeoutMs: number = emptyTimeoutMs,
): Promise<number> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const { descriptors, connections } = await sampleTarget(target);
    const left = descriptors - before;
    if ((connections === 0 && left <= spareDescriptors) || performance.now() > giveUpAt) return left;
    await delay(lookMs);
  }
}
