/**
 * How many random cases a property gets: few enough for every day, or for a longer hunt as many as FUZZ_RUNS says
 * (`FUZZ_RUNS=100000 npm test -- pulsar-client/test/wire`).
 */
export function fuzzRuns(everyDay: number): { readonly numRuns: number } {
  const asked = process.env['FUZZ_RUNS'];
  const numRuns = asked === undefined || asked === '' ? everyDay : Number(asked);
  if (!Number.isSafeInteger(numRuns) || numRuns < 1) throw new RangeError(`FUZZ_RUNS is '${asked}', expected a count`);
  return { numRuns };
}
