import { describeFaults, type Fault } from '@pharos/testkit';

import { Fleet, type FleetOptions } from './fleet.ts';
import { PresenceWatch } from './presence-watch.ts';
import { Rig, type RigOptions } from './rig.ts';
import type { ServiceNode } from './service-node.ts';

export interface ClusterOptions extends Omit<RigOptions, 'edges' | 'history' | 'presence'> {
  readonly fleet: Omit<FleetOptions, 'channels' | 'padBytes'> & { readonly channels: number };
}

/** A cluster as a small production has it, with clients in it and the checker over them. */
export interface Cluster {
  readonly rig: Rig;
  readonly fleet: Fleet;
  readonly channels: readonly string[];
  readonly watch: PresenceWatch;
  /** Ends all of it; resolves with the names of services that didn't end as they should. */
  stop(): Promise<string[]>;
}

/**
 * Two edges, two history services and a presence service; publications of a kilobyte, and rings so small that they reach back for a
 * second or two: who is away for longer is the store's business. Resolves when everybody is subscribed.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { fleet: load, edge, ...rest } = options;
  const channels = Array.from({ length: load.channels }, (_, index) => `room-${index}`);
  const smallRings = { ring: { max_lane_size: '64KiB' }, ...edge };
  const rig = await Rig.start({ edges: 2, history: 2, presence: 1, redisKeeps: true, edge: smallRings, ...rest });
  let fleet: Fleet;
  try {
    fleet = await Fleet.open(rig, { joinLeave: true, ...load, channels, padBytes: 1_000 });
  } catch (error) {
    await rig.stop();
    throw error;
  }
  const watch = new PresenceWatch(rig, fleet, channels);
  watch.start();
  const stop = async (): Promise<string[]> => {
    watch.stop();
    await fleet.stop();
    return rig.stop();
  };
  return { rig, fleet, channels, watch, stop };
}

/** A cluster for as long as `work` takes. */
export async function withCluster<T>(options: ClusterOptions, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await startCluster(options);
  try {
    return await work(cluster);
  } finally {
    await cluster.stop();
  }
}

export interface PresenceFigures {
  readonly presenceAnswers: number;
  /** How long clients stood still: what was seen then counts for nothing. Much of it says that the machine was asked too much. */
  readonly clientsStoodStillMs: number;
}

/** The end of a run: presence has its last word. @throws Error with the faults */
export async function verifyPresenceOf({ watch, rig }: Cluster): Promise<PresenceFigures> {
  const faults = await watch.verify();
  const { answers: presenceAnswers, standstillMs: clientsStoodStillMs } = watch;
  if (faults.length > 0) {
    const still = `clients stood still for ${clientsStoodStillMs} ms`;
    throw new Error(`presence: ${describeFaults(eachKindFirst(faults), 6)}\n${still}\n${story(rig)}`);
  }
  if (presenceAnswers === 0) throw new Error('presence was never answered');
  return { presenceAnswers, clientsStoodStillMs };
}

/** So that of each kind some are told in full. */
function eachKindFirst(faults: readonly Fault[]): Fault[] {
  const seen = new Map<string, number>();
  const rank = faults.map((fault) => {
    const before = seen.get(fault.kind) ?? 0;
    seen.set(fault.kind, before + 1);
    return { fault, before };
  });
  return rank.sort((a, b) => a.before - b.before).map(({ fault }) => fault);
}

/** What was done to each service, and what it had to say of that. */
function story(rig: Rig): string {
  const time = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 23) : 'now');
  const tell = (node: ServiceNode): string[] => [
    `${node.name} (${node.url}):`,
    ...node.faults.map(({ what, fromMs, toMs }) => `  ${what} from ${time(fromMs)} to ${time(toMs)}`),
    ...node
      .warnings()
      .slice(-warningsTold)
      .map((line) => `  ${line}`),
  ];
  return rig.nodes.flatMap(tell).join('\n');
}

const warningsTold = 20;
