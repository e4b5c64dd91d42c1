import { Child } from '../frame/child.ts';
import type { Checked } from '../frame/delivery-check.ts';
import type { Figure, FigureContext, FigureOutcome } from '../frame/figure.ts';
import { type Pair, type Sample, summarise } from '../frame/pairs.ts';
import { rssBytes } from '../frame/proc.ts';
import type { EdgeServerCommands, FloorServerCommands, ReceiverCommands } from '../frame/roles.ts';

const id = 'P4';
const reach = 2;

/** Numbers of connections between which the slope is taken: what a server needs anyway drops out. */
export interface P4Size {
  readonly from: number;
  readonly to: number;
}

const fullSize: P4Size = { from: 5_000, to: 15_000 };
const quickSize: P4Size = { from: 1_000, to: 3_000 };

/** Resident memory of an idle connection. */
export const p4: Figure = {
  id,
  title: 'RSS per idle connection ÷ bare uWS with one subscription',
  measure: (context) => measureP4(context, context.quick ? quickSize : fullSize),
};

export async function measureP4(context: FigureContext, size: P4Size): Promise<FigureOutcome> {
  const pairs: Pair[] = [];
  for (let round = 0; round < context.pairs; round++) {
    const samples = new Map<Side, Sample>();
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const sample = await measure(side, size);
      samples.set(side, sample);
      context.progress(
        `${id}: round ${round + 1} of ${context.pairs}: ${side} ${sample.value.toFixed(0)} B per connection`,
      );
    }
    pairs.push({ pharos: samples.get('pharos') as Sample, floor: samples.get('floor') as Sample });
  }
  const figure = {
    id,
    what: `RSS per idle connection with one recoverable subscription, after forced GC, slope of ${size.from} to ${size.to}`,
    unit: 'B',
    reach,
  };
  return { results: [summarise(figure, pairs)], skipped: [] };
}

const sides = ['pharos', 'floor'] as const;
type Side = (typeof sides)[number];

/** Each measurement has processes of its own: a heap that has once grown stays different. */
async function measure(side: Side, size: P4Size): Promise<Sample> {
  const server = await startServer(side);
  const receiver = await Child.start<ReceiverCommands>('receiver');
  try {
    const protocol = side === 'pharos' ? 'centrifuge' : 'bare';
    const settled = async (): Promise<number> => {
      await server.child.call('collectGarbage');
      return rssBytes(server.child.pid);
    };
    await receiver.call('connect', { port: server.port, connections: size.from, protocol });
    const before = await settled();
    await receiver.call('connect', { port: server.port, connections: size.to - size.from, protocol });
    const after = await settled();
    return { value: (after - before) / (size.to - size.from), checked: await proveSubscribed(server.child, receiver) };
  } finally {
    await receiver.stop();
    await server.child.stop();
  }
}

async function startServer(side: Side): Promise<{ child: Child<ServerChild>; port: number }> {
  const child = await Child.start<ServerChild>(side === 'pharos' ? 'edge-server' : 'floor-server', ['--expose-gc']);
  const { port } = await child.call('start', { bus: { kind: 'memory' } });
  return { child, port };
}

/** The bare server takes no notice of the bus. */
type ServerChild = EdgeServerCommands & Omit<FloorServerCommands, 'start'>;

/** One publication to all, after the measurement: memory of connections that aren't subscribed would be no figure. */
async function proveSubscribed(server: Child<ServerChild>, receiver: Child<ReceiverCommands>): Promise<Checked> {
  await server.call('publish', { load: { from: 0, count: 1, perSecond: 1 }, payloadBytes: 128 });
  await receiver.call('awaitDeliveries', { published: 1, timeoutMs: 30_000 });
  return receiver.call('check', { published: 1 });
}
