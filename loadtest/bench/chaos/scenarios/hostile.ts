import { strict as assert } from 'node:assert';

import { attacks, Siege } from '../../hostile/siege.ts';
import type { Scenario, ScenarioFigures } from '../scenario.ts';

/** Of what the edge held after the first, smaller, time. */
const mostGrowth = 1.5;

/** Everything that a hostile client can think of, at one edge with a well-behaved client on it. */
export const hostile: Scenario = {
  name: 'hostile',
  title: 'hostile clients: fuzzed frames, slow ones, a million subscribes, bombs, forged tokens, foreign origins',
  defaults: { rounds: 10, clients: 1 },
  run: async ({ rounds, progress }) => {
    const siege = await Siege.begin();
    let publications = 0;
    const figures: Record<string, number | string> = {};
    try {
      // What the first of each kind makes the process hold for good, code and pools, is no growth.
      for (const attack of attacks) await siege.suffer(attack, 1);
      const before = await siege.held();
      for (const attack of attacks) {
        const counts = await siege.suffer(attack, rounds);
        progress(`${attack.name}: ${described(counts)}`);
        for (const [name, count] of Object.entries(counts)) figures[`${attack.name}: ${name}`] = count;
      }
      const after = await siege.held();
      const heapGrowth = Number((after.heapBytes / before.heapBytes).toFixed(3));
      figures['heap after ÷ before'] = heapGrowth;
      figures['heap before, MiB'] = mebibytes(before.heapBytes);
      figures['heap after, MiB'] = mebibytes(after.heapBytes);
      figures['resident before, MiB'] = mebibytes(before.rssBytes);
      figures['resident after, MiB'] = mebibytes(after.rssBytes);
      figures['descriptors before'] = before.descriptors;
      figures['descriptors after'] = after.descriptors;
      assert.ok(heapGrowth < mostGrowth, `the heap grew by ${heapGrowth}`);
    } finally {
      publications = await siege.end();
    }
    return { ...figures, 'publications of the witness': publications } satisfies ScenarioFigures;
  },
};

function described(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function mebibytes(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}
