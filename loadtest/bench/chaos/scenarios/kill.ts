import { Fleet } from '../fleet.ts';
import { Rig } from '../rig.ts';
import { killed, round } from '../rounds.ts';
import type { Scenario } from '../scenario.ts';

export const channels = (count: number): string[] => Array.from({ length: count }, (_, index) => `room-${index}`);

/** kill -9 of each service in turn, under load. */
export const kill: Scenario = {
  name: 'kill',
  title: 'kill -9 of any one of two edges, two history, one presence, under load',
  defaults: { rounds: 10, clients: 400 },
  async run({ rounds, clients, progress }) {
    const rig = await Rig.start({ edges: 2, history: 0, presence: 0 });
    try {
      const sdkClients = Math.ceil(clients / 4);
      const load = { channels: channels(16), sdkClients, rawClients: clients - sdkClients, perSecond: 20 };
      const fleet = await Fleet.open(rig, load);
      try {
        for (let turn = 0; turn < rounds; turn++) {
          progress(`round ${turn + 1} of ${rounds}`);
          for (const node of rig.nodes) {
            await round(rig, fleet, killed(node), { calmMs: 3_000, faultMs: 3_000, progress });
          }
        }
        const { faults, faultCount, ...counts } = await fleet.settle();
        return { rounds, faults: faultCount + faults.length, ...counts };
      } finally {
        await fleet.stop();
      }
    } finally {
      await rig.stop();
    }
  },
};
