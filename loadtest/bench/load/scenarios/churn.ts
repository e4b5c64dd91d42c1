import { setTimeout as delay } from 'node:timers/promises';

import type { Movements } from '../clients/commands.ts';
import type { LoadFleet } from '../load-fleet.ts';
import { connectGate, noneFigure } from '../measure/gate.ts';
import type { Scenario, Size } from '../scenario.ts';

const stayMs = 1_000;
const settleTimeoutMs = 30_000;
const lookMs = 100;

/** Of each channel, as many as make every channel alike. */
function watchersOf({ clients, channels }: Size): number {
  return Math.max(1, Math.round(clients / 10 / channels));
}

/** Members come and go; those that stay are told of each join and each leave once. */
export const churn: Scenario = {
  name: 'churn',
  title: 'members come and go: joins and leaves are each told once, and nobody is left over in presence',
  sizes: {
    full: { clients: 5_000, channels: 10, perSecond: 0, seconds: 60, padBytes: 0 },
    short: { clients: 400, channels: 4, perSecond: 0, seconds: 5, padBytes: 0 },
  },
  gates: [
    connectGate(0.999, ({ clients }) => clients),
    ...(['joins', 'leaves'] as const).map((kind) =>
      noneFigure(`${kind}Wrong`, `${kind} that were not told, or more than once`, {
        samples: `${kind}Due`,
        // Of several machines, each rounds for itself.
        least: ({ clients, channels }) => clients * Math.max(1, Math.floor(clients / 10 / channels)),
      }),
    ),
    noneFigure('ghosts', 'members in presence beside those that are there, at the end'),
  ],
  together: { joinsWrong: 'sum', joinsDue: 'sum', leavesWrong: 'sum', leavesDue: 'sum', ghosts: 'sum' },
  run: async ({ size, fleet, progress }) => {
    const { clients, channels, seconds } = size;
    const watchers = watchersOf(size);
    await fleet.open({ clients: watchers * channels, channels }, { joinLeave: true });
    const members = await fleet.churn({ channels, perSecond: clients / seconds, seconds, stayMs });
    const due = members.length * watchers;
    const told = await toldOf(due, () => fleet.movements(members));
    progress(`${members.length} came and went, ${told.joins} joins and ${told.leaves} leaves told of ${due}`);
    const ghosts = await ghostsIn(fleet, channels, watchers);
    return {
      tally: await fleet.tally(),
      figures: {
        joinsWrong: Math.abs(due - told.joins),
        joinsDue: due,
        leavesWrong: Math.abs(due - told.leaves),
        leavesDue: due,
        ghosts,
        generatorBusy: await fleet.busy(),
      },
    };
  },
};

/** When all are told, or the time is up. */
async function toldOf(due: number, movements: () => Promise<Movements>): Promise<Movements> {
  const giveUpAt = performance.now() + settleTimeoutMs;
  for (;;) {
    const told = await movements();
    if ((told.joins >= due && told.leaves >= due) || performance.now() > giveUpAt) return told;
    await delay(lookMs);
  }
}

/** By how many presence is off, over all channels, when it has settled, or the time is up. */
async function ghostsIn(fleet: LoadFleet, channels: number, watchers: number): Promise<number> {
  const giveUpAt = performance.now() + settleTimeoutMs;
  for (;;) {
    let off = 0;
    for (const [index, channel] of fleet.channels(channels).entries()) {
      const { result, code } = await fleet.ask('presence_stats', { channel }, index);
      if (code !== 0) throw new Error(`presence_stats was answered with error ${code}: the namespace has no presence?`);
      const { num_clients: present = 0 } = result as { readonly num_clients?: number };
      off += Math.abs(present - watchers);
    }
    if (off === 0 || performance.now() > giveUpAt) return off;
    await delay(lookMs);
  }
}
