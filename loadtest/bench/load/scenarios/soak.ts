import { setTimeout as delay } from 'node:timers/promises';

import { connectGate, exactly, figureGate, type Gate, none, quantileGate } from '../measure/gate.ts';
import { memoryGrowth, MemoryWatch } from '../measure/memory.ts';
import { dueDeliveries, type Scenario, type Size } from '../scenario.ts';
import { sampleTarget, type Target } from '../target.ts';

/** Between samples of memory: a collection of garbage for each is not to be what is measured. */
const leastSampleMs = 5_000;
const mostSamples = 90;
/** From here on a run can tell slow growth from none. */
const longSeconds = 1_200;
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
    short: { clients: 200, channels: 10, perSecond: 50, seconds: 300, padBytes: 128 },
  },
  // What edges keep for clients that resume is complete before memory is judged.
  cluster: { edge: { ring: { max_age: '15s' } } },
  gates: [
    connectGate(0.999, ({ clients }) => clients),
    quantileGate('delivery', 99, 500, dueDeliveries),
    none('dropped', 'connections that the server ended', 'in', ({ clients }) => clients),
    ...exactly(dueDeliveries),
    growthGate(
      'heapGrowth',
      'what JavaScript and its buffers hold (after garbage collection, in a cluster of its own)',
    ),
    growthGate('rssGrowth', 'the resident memory'),
    figureGate('descriptorsLeft', {
      what: `descriptors more than before, when all clients are gone (${spareDescriptors} may be of other things)`,
      unit: 'count',
      holds: 'at most',
      limit: spareDescriptors,
    }),
  ],
  // Each machine sees all edges: the largest is that of who looked before the others came.
  together: {
    heapGrowth: 'most',
    heapSlope: 'most',
    rssGrowth: 'most',
    rssSlope: 'most',
    // Of the same edges.
    memorySamples: 'most',
    descriptorsLeft: 'most',
  },
  run: async (context) => {
    const { size, fleet, target, progress } = context;
    if (target.metricsUrls.length === 0) throw new RangeError('soak needs the addresses of /metrics: --metrics');
    const before = await sampleTarget(target);
    await fleet.open(size);
    await fleet.publish(size);
    const watch = new MemoryWatch(target);
    const isCollected = target.rig !== undefined;
    await watch.run(size.seconds, isCollected ? sampleMs(size) : leastSampleMs / 5, progress);
    const measured = await fleet.finish();
    await fleet.leave();
    const [heap, rss] = [memoryGrowth(watch.heap, isCollected), memoryGrowth(watch.rss, isCollected)];
    const figures = {
      ...measured.figures,
      heapGrowth: heap.most,
      heapSlope: heap.slope,
      rssGrowth: rss.most,
      rssSlope: rss.slope,
      memorySamples: heap.samples,
      heapMiB: watch.heap.at(-1)?.value ?? 0,
      rssMiB: watch.rss.at(-1)?.value ?? 0,
      descriptorsLeft: await descriptorsLeft(target, before.descriptors),
    };
    return { tally: measured.tally, figures };
  },
};

function sampleMs({ seconds }: Size): number {
  return Math.max(leastSampleMs, (seconds * 1_000) / mostSamples);
}

/** By how much something grows at most, of which the run can be 97.5 % sure: who can't tell is not let through. */
function growthGate(figure: string, what: string): Gate {
  return figureGate(figure, {
    what: `by how much ${what} of all edges grows, at most, after the first third (with 97.5 % confidence)`,
    unit: 'MiB/min',
    holds: 'at most',
    limit: ({ seconds }) => (seconds >= longSeconds ? 0.25 : 0.75),
    samples: 'memorySamples',
    least: (size) => Math.floor(((2 / 3) * size.seconds * 1_000) / sampleMs(size) / 2),
  });
}

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
