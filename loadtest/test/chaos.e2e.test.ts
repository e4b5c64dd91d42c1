// The short form of `npm run chaos`: every service killed under load, and the checker over what clients saw.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { unavailable } from '@pharos/testkit';

import { describeVerdict, Fleet } from '../bench/chaos/fleet.ts';
import { Rig } from '../bench/chaos/rig.ts';
import { frozen, killed, round, type RoundOptions } from '../bench/chaos/rounds.ts';

const rounds = 2;
const channels = Array.from({ length: 8 }, (_, index) => `room-${index}`);

describe('a cluster of processes under faults', {
  skip: unavailable('pulsar') || unavailable('redis'),
  timeout: 600_000,
}, () => {
  let rig: Rig;
  let fleet: Fleet;

  before(async () => {
    rig = await Rig.start({ edges: 2, history: 0, presence: 0 });
    fleet = await Fleet.open(rig, { channels, sdkClients: 32, rawClients: 64, perSecond: 20 });
  });

  after(async () => {
    await fleet.stop();
    assert.deepEqual(await rig.stop(), []);
  });

  const options = (progress: (line: string) => void): RoundOptions => ({ calmMs: 1_000, faultMs: 1_500, progress });

  test('kill -9 of any one: each publication once, in order', async (context) => {
    const progress = (line: string): void => context.diagnostic(line);
    for (let turn = 0; turn < rounds; turn++) {
      for (const node of rig.nodes) await round(rig, fleet, killed(node), options(progress));
    }
    const { recovered, told } = await fleet.settle();
    // Whoever was on the edge that died resumed on the other, where from then on everybody was.
    assert.ok(recovered >= (2 * rounds - 1) * 96, `${recovered} resumes`);
    assert.equal(told, 0);
  });

  test('an edge that is stopped for a while goes on where it was', async (context) => {
    for (const node of rig.of('edge')) {
      const verdict = await round(
        rig,
        fleet,
        frozen(node),
        options((line) => context.diagnostic(line)),
      );
      assert.equal(verdict.told, 0, describeVerdict(verdict));
    }
  });
});
