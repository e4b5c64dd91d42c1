import { setTimeout as delay } from 'node:timers/promises';

import { type Child, ProcessGroup } from '../frame/child.ts';
import type { Checked } from '../frame/delivery-check.ts';
import type { Figure, FigureContext, FigureOutcome } from '../frame/figure.ts';
import { type Sample, summarise } from '../frame/pairs.ts';
import { rssBytes } from '../frame/proc.ts';
import type { Certificate, EdgeServerCommands, ReceiverCommands } from '../frame/roles.ts';
import { inRounds, pairsOf } from '../frame/rounds.ts';

const id = 'P4';
const reach = 2;

/** Numbers of connections between which the slope is taken: what a server needs anyway drops out. */
export interface P4Size {
  readonly from: number;
  readonly to: number;
}

const fullSize: P4Size = { from: 5_000, to: 15_000 };
const quickSize: P4Size = { from: 1_000, to: 3_000 };

/**
 * How large the young generation grows, up to 32 MB, is a matter of how fast the connections came; held small, it doesn't
 * drown what they need. On both sides alike.
 */
const nodeOptions = ['--expose-gc', '--max-semi-space-size=1'];

/** Memory has settled when readings agree over five seconds: V8 gives pages back only after a while of idleness. */
const settledReadings = 11;
const readingIntervalMs = 500;
const settledBytes = 128 * 1024;
const settleTimeoutMs = 60_000;

/** Resident memory of an idle connection. */
export const p4: Figure = {
  id,
  title: 'RSS per idle connection ÷ bare uWS with one subscription',
  measure: (context) => measureP4(context, context.quick ? quickSize : fullSize),
};

export async function measureP4(context: FigureContext, size: P4Size): Promise<FigureOutcome> {
  const rounds = await inRounds(
    context,
    `${id}:`,
    [pharos, floor],
    ({ name }) => connectionMemory(name, size),
    (value) => `${value.toFixed(0)} B per connection`,
  );
  const figure = {
    id,
    what: `RSS per idle connection with one recoverable subscription, after forced GC, slope of ${size.from} to ${size.to}`,
    unit: 'B',
    reach,
  };
  return { results: [summarise(figure, pairsOf(rounds, pharos, floor))], skipped: [] };
}

type Side = 'pharos' | 'floor';
const pharos = { name: 'pharos' } as const;
const floor = { name: 'floor' } as const;

/** Each measurement has processes of its own: a heap that has once grown stays different. */
export async function connectionMemory(side: Side, size: P4Size, tls?: Certificate): Promise<Sample> {
  const processes = new ProcessGroup();
  try {
    // The bare server takes the same commands, and no notice of the bus.
    const name = side === 'pharos' ? 'edge-server' : 'floor-server';
    const server = await processes.start<EdgeServerCommands>(name, nodeOptions);
    const { port } = await server.call('start', {
      bus: { kind: 'memory' },
      ...(tls === undefined ? {} : { tls }),
    });
    const receiver = await processes.start<ReceiverCommands>('receiver');
    const protocol = side === 'pharos' ? 'centrifuge' : 'bare';
    const rssAfter = async (connections: number): Promise<number> => {
      const secure = tls !== undefined;
      await receiver.call('connect', { port, connections, protocol, encoding: 'json', secure });
      return settledRss(server);
    };
    const before = await rssAfter(size.from);
    const after = await rssAfter(size.to - size.from);
    const checked = await proveSubscribed(server, receiver);
    const value = (after - before) / (size.to - size.from);
    if (value > 0) return { value, checked };
    return { value: 1, checked, void: 'memory did not grow with the connections: they are too few for a slope' };
  } finally {
    await processes.stop();
  }
}

/** Resident memory after forced GC, once it stays the same. */
async function settledRss(server: Child<EdgeServerCommands>): Promise<number> {
  const readings: number[] = [];
  const giveUpAt = performance.now() + settleTimeoutMs;
  for (;;) {
    await server.call('collectGarbage');
    const rss = rssBytes(server.pid);
    readings.push(rss);
    const recent = readings.slice(-settledReadings);
    if (recent.length === settledReadings && Math.max(...recent) - Math.min(...recent) <= settledBytes) return rss;
    if (performance.now() > giveUpAt)
      throw new Error(`the memory of ${server.name} did not settle in ${settleTimeoutMs} ms`);
    await delay(readingIntervalMs);
  }
}

/** One publication to all, after the measurement: memory of connections that aren't subscribed would be no figure. */
async function proveSubscribed(server: Child<EdgeServerCommands>, receiver: Child<ReceiverCommands>): Promise<Checked> {
  await server.call('publish', { load: { from: 0, count: 1, perSecond: 1 }, payloadBytes: 128 });
  await receiver.call('awaitDeliveries', { published: 1, timeoutMs: 30_000 });
  return receiver.call('check', { published: 1 });
}
