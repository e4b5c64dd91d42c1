import { unavailable, uniqueTopic } from '@pharos/testkit';

import { Rig } from '../chaos/rig.ts';
import { rigApiKey } from '../chaos/settings.ts';
import { type Child, ProcessGroup } from '../frame/child.ts';
import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { type Sample, summarise } from '../frame/pairs.ts';
import { cpuMicros, cpuSample } from '../frame/proc.ts';
import {
  type EdgeServerCommands,
  type FloorServerCommands,
  publicationsOf,
  type Request,
  type RequesterCommands,
} from '../frame/roles.ts';
import { inRounds, pairsOf } from '../frame/rounds.ts';

const payloadBytes = 128;
/** Nobody is in a hurry: each request is alone at the server; and some at a time. */
const alone = 1;
const together = 16;

export interface RequestsSize {
  /** Publications of a window, with one request at a time and with some. */
  readonly alone: number;
  readonly together: number;
}

const fullSize: RequestsSize = { alone: 1_200, together: 15_000 };
const quickSize: RequestsSize = { alone: 500, together: 5_000 };

/** What is to be reached is a little more than what was measured first: the floor does nothing of what is asked of it. */
interface Variant {
  readonly id: string;
  readonly request: Request;
  readonly connections: number;
  readonly what: string;
  readonly reach: number;
  /** How many more the floor is asked: its CPU is counted in ticks of 10 ms too. */
  readonly floorTimes: number;
}

const atATime = `${together} at a time`;

/** Those with many first: what is measured last runs on code that is compiled. */
const apiVariants: readonly Variant[] = [
  {
    ...{ id: 'API-publish-16', request: 'publish', connections: together, reach: 12, floorTimes: 3 },
    what: `publish, ${atATime}`,
  },
  {
    ...{ id: 'API-publish-1', request: 'publish', connections: alone, reach: 25, floorTimes: 5 },
    what: 'publish, one request at a time',
  },
  {
    ...{ id: 'API-batch-100', request: 'batch', connections: together, reach: 240, floorTimes: 20 },
    what: `batches of 100, ${atATime}`,
  },
  {
    ...{ id: 'API-broadcast-100', request: 'broadcast', connections: together, reach: 180, floorTimes: 20 },
    what: `broadcasts to 100 channels, ${atATime}`,
  },
];

const clientVariants: readonly Variant[] = [
  {
    ...{ id: 'PUB-16', request: 'client', connections: together, reach: 8, floorTimes: 3 },
    what: `of ${together} clients, one of each at a time`,
  },
  { ...{ id: 'PUB-1', request: 'client', connections: alone, reach: 25, floorTimes: 5 }, what: 'one at a time' },
];

/** What a publication by the server API costs the service. */
export const api: Figure = {
  id: 'API',
  title: 'CPU of the server API for each publication ÷ bare uWS that answers the same requests',
  measure: (context) => measureApi(context, context.quick ? quickSize : fullSize),
};

/** What a client's publish costs its edge. */
export const clientPublish: Figure = {
  id: 'PUB',
  title: "CPU of an edge for each client's publish ÷ bare uWS that answers the same commands",
  measure: (context) => measureClientPublish(context, context.quick ? quickSize : fullSize),
};

export async function measureApi(context: FigureContext, size: RequestsSize): Promise<FigureOutcome> {
  const pulsar = unavailable('redis') || (await context.pulsar());
  if (typeof pulsar === 'string') return { results: [], skipped: [{ id: 'API', reason: pulsar }] };
  const rig = await Rig.start({ edges: 0, history: 0, presence: 0, api: 1 });
  try {
    const servers = rig.of('api').map(({ pid, port }): Server => ({ name: 'api', pid, port }));
    return await measureAll(context, size, apiVariants, servers[0] as Server);
  } finally {
    await rig.stop();
  }
}

export async function measureClientPublish(context: FigureContext, size: RequestsSize): Promise<FigureOutcome> {
  const pulsar = await context.pulsar();
  if (typeof pulsar === 'string') return { results: [], skipped: [{ id: 'PUB', reason: pulsar }] };
  const processes = new ProcessGroup();
  try {
    const edge = await processes.start<EdgeServerCommands>('edge-server');
    const { port } = await edge.call('start', { bus: { kind: 'pulsar', topic: uniqueTopic('bench'), ...pulsar } });
    return await measureAll(context, size, clientVariants, { name: 'edge', pid: edge.pid, port });
  } finally {
    await processes.stop();
  }
}

interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

async function measureAll(
  context: FigureContext,
  size: RequestsSize,
  variants: readonly Variant[],
  server: Server,
): Promise<FigureOutcome> {
  const processes = new ProcessGroup();
  try {
    const bare = await processes.start<FloorServerCommands>('floor-server');
    const floor: Server = { name: 'floor', pid: bare.pid, ...(await bare.call('start', {})) };
    const results: FigureResult[] = [];
    for (const variant of variants) results.push(await measureVariant(context, size, variant, { server, floor }));
    return { results, skipped: [] };
  } finally {
    await processes.stop();
  }
}

async function measureVariant(
  context: FigureContext,
  size: RequestsSize,
  variant: Variant,
  { server, floor }: Readonly<Record<'server' | 'floor', Server>>,
): Promise<FigureResult> {
  const { id, request, connections, what, reach, floorTimes } = variant;
  const publications = connections === alone ? size.alone : size.together;
  const processes = new ProcessGroup();
  try {
    const asking = async ({ port }: Server): Promise<Child<RequesterCommands>> => {
      const child = await processes.start<RequesterCommands>('requester');
      await child.call('open', { port, request, connections, payloadBytes, key: rigApiKey });
      return child;
    };
    const count = Math.ceil(publications / publicationsOf(request));
    const ours: Side = { ...server, requester: await asking(server), count };
    const bare: Side = { ...floor, requester: await asking(floor), count: count * floorTimes };
    for (const { requester } of [ours, bare]) await requester.call('ask', { count });
    const rounds = await inRounds(
      context,
      `${id}:`,
      [ours, bare],
      (side) => window(side, publicationsOf(request)),
      (value) => `${value.toFixed(1)} µs`,
    );
    const text = `CPU of the ${server.name} per publication of ${payloadBytes} B, confirmed by Pulsar: ${what}`;
    return summarise({ id, what: text, unit: 'µs', reach }, pairsOf(rounds, ours, bare));
  } finally {
    await processes.stop();
  }
}

interface Side extends Server {
  readonly requester: Child<RequesterCommands>;
  /** Requests of a window. */
  readonly count: number;
}

/** CPU for each publication, in microseconds. One that isn't confirmed is a loss, and makes the figure void. */
async function window({ pid, requester, count }: Side, publicationsEach: number): Promise<Sample> {
  const publications = count * publicationsEach;
  const before = cpuMicros(pid);
  const confirmed = await requester.call('ask', { count });
  const micros = cpuMicros(pid) - before;
  const lost = publications - confirmed;
  // Publications that share a request are packed on purpose: that is no saving of writes.
  const checked = { deliveries: confirmed, frames: confirmed, lost, duplicated: 0, reordered: 0 };
  return cpuSample(micros, publications, checked);
}
