import { setTimeout as delay } from 'node:timers/promises';

import { describeVerdict, type Fleet, type FleetVerdict } from './fleet.ts';
import { redisCommand } from './redis-admin.ts';
import type { Rig } from './rig.ts';
import type { ServiceNode } from './service-node.ts';

export interface RoundOptions {
  /** How long all is well before a fault and after it, under load. */
  readonly calmMs: number;
  /** How long the fault lasts. */
  readonly faultMs: number;
  /** Half of the fast clients are cut as the fault begins, and stay away for so long: what they missed may not be in memory any more. @default nobody */
  readonly awayMs?: number;
  readonly progress: (line: string) => void;
}

/** Something that is done to a cluster, and undone. */
export interface Fault {
  readonly name: string;
  begin(rig: Rig): Promise<void>;
  end(rig: Rig): Promise<void>;
}

/** kill -9 of a node, started again afterwards. */
export function killed(node: ServiceNode): Fault {
  return { name: `kill -9 of ${node.name}`, begin: () => node.kill(), end: () => node.start() };
}

/** SIGSTOP of a node, and SIGCONT afterwards. */
export function frozen(node: ServiceNode): Fault {
  return {
    name: `SIGSTOP of ${node.name}`,
    begin: () => Promise.resolve(node.pause()),
    end: () => Promise.resolve(node.resume()),
  };
}

/** A Redis that is killed, and comes back with what it held. */
export function redisAway(): Fault {
  return {
    name: 'Redis away',
    begin: async ({ redis }) => redis?.kill(),
    end: async ({ redis }) => redis?.start(),
  };
}

/** A Redis that loses everything at once. */
export function redisFlushed(): Fault {
  return {
    name: 'FLUSHALL',
    begin: async ({ redis }) => {
      if (redis !== undefined) await redisCommand(redis.port, 'FLUSHALL');
    },
    end: () => Promise.resolve(),
  };
}

/** One fault under load; then everybody has to have everything, and the checker has the word. @throws Error with the faults */
export async function round(rig: Rig, fleet: Fleet, fault: Fault, options: RoundOptions): Promise<FleetVerdict> {
  const { calmMs, faultMs, awayMs, progress } = options;
  await fleet.spread();
  await fleet.publish();
  // Load is time, not an event: these are the rates and stretches of the run.
  await delay(calmMs);
  await fault.begin(rig);
  const back = awayMs === undefined ? undefined : awayFor(fleet, awayMs);
  // Seen below; meanwhile it isn't forgotten.
  back?.catch(() => undefined);
  await delay(faultMs);
  await fault.end(rig);
  await back;
  await delay(calmMs);
  const verdict = await fleet.settle();
  progress(`${fault.name}: ${describeVerdict(verdict).split('\n', 1)[0]}`);
  if (verdict.faultCount > 0) throw new Error(`${fault.name}: ${describeVerdict(verdict)}`);
  return verdict;
}

async function awayFor(fleet: Fleet, awayMs: number): Promise<void> {
  await fleet.raw.call('cutOff', { share: 0.5 });
  await delay(awayMs);
  await fleet.raw.call('comeBack');
}
