import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryRig } from './memory-rig.ts';
import { steps } from './model/steps.ts';
import { World } from './model/world.ts';

describe('the memory history against the log that it is made of', () => {
  test('whatever happens, what it recovers is true, and what it refuses has a reason', async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(steps, async (taken) => {
      const world = new World([new MemoryRig()]);
      for (const step of taken) await world.take(step);
      await world.check();
      for (const case_ of world.seen) seen.add(case_);
    });
    // The same runs each time, so that all cases are surely met; the test beside it on Redis has others each time.
    await fc.assert(property, { numRuns: 30, seed: 7 });
    const cases = [
      'no-lane',
      'floor',
      'trimmed',
      'too-old',
      'recovered some',
      'recovered none',
      'position',
      'no position',
    ];
    for (const each of cases) assert.ok(seen.has(each), `no run met ${each}`);
  });
});
