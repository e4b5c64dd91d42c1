import { test } from 'node:test';
import fc from 'fast-check';
import { Model, type Step } from './model.ts';

const node = fc.nat({ max: 2 });
const which = fc.nat({ max: 50 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('join' as const), node, channel: fc.nat({ max: 2 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'again' as const), node, which }) },
  { weight: 1, arbitrary: fc.constant({ do: 'look' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), halves: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('crash' as const, 'freeze' as const, 'freeze' as const, 'thaw' as const),
      node,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cut' as const,
        'flush' as const,
        'outage' as const,
        'recover' as const,
        'deaf' as const,
        'hear' as const,
      ),
    }),
  },
);

/** An edge that is frozen for longer than its lease, and what it does first when it is back. */
const nap: fc.Arbitrary<Step[]> = fc
  .record({ node, which, isDeaf: fc.boolean(), after: fc.constantFrom('leave', 'again', 'look', 'cut') })
  .map(({ node: of, which: seat, isDeaf, after }): Step[] => [
    { do: 'freeze', node: of },
    { do: isDeaf ? 'deaf' : 'hear' },
    { do: 'pass', halves: 6 },
    { do: 'thaw', node: of },
    after === 'leave' || after === 'again'
      ? { do: after, node: of, which: seat }
      : { do: after === 'cut' ? 'cut' : 'look' },
    { do: 'pass', halves: 1 },
  ]);
const steps: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof({ weight: 12, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: nap }), {
    maxLength: 40,
  })
  .map((some) => some.flat());

test('whatever happens: in the end members are who is there, and each join has its leave, once', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (some) => {
      const model = new Model();
      try {
        await model.start(3);
        for (const one of some) await model.take(one);
        await model.verify();
      } finally {
        await model.stop();
      }
    }),
    { numRuns: Number(process.env['PHAROS_TEST_RUNS'] ?? 150) },
  );
});
