import type { Checked } from './delivery-check.ts';
import type { FigureContext, FigureResult } from './figure.ts';
import { type Pair, type Sample, summarise } from './pairs.ts';

/** Work that is measured in this process. Says how many units it has done, and whether what came out was right. */
export type Work = () => { readonly units: number; readonly right: boolean };

const nanosPerMicro = 1000;

/** Pairs of CPU (user + system) for each unit of two pieces of work, in nanoseconds, in turns. */
export function measurePairs(
  context: FigureContext,
  figure: Pick<FigureResult, 'id' | 'what' | 'reach'>,
  work: { readonly pharos: Work; readonly floor: Work },
  windowMs: number,
): FigureResult {
  // So that both have been compiled for what they do here.
  measure(work.pharos, windowMs);
  measure(work.floor, windowMs);
  const pairs: Pair[] = [];
  for (let round = 0; round < context.pairs; round++) {
    const first = measure(round % 2 === 0 ? work.pharos : work.floor, windowMs);
    const second = measure(round % 2 === 0 ? work.floor : work.pharos, windowMs);
    pairs.push(round % 2 === 0 ? { pharos: first, floor: second } : { pharos: second, floor: first });
  }
  return summarise({ ...figure, unit: 'ns' }, pairs);
}

function measure(work: Work, windowMs: number): Sample {
  let units = 0;
  let wrong = 0;
  const endAt = performance.now() + windowMs;
  const before = process.cpuUsage();
  // Once at least: a busy machine may take the whole window away.
  do {
    const done = work();
    units += done.units;
    if (!done.right) wrong++;
  } while (performance.now() < endAt);
  const { user, system } = process.cpuUsage(before);
  return { value: ((user + system) * nanosPerMicro) / units, checked: checkedOf(units, wrong) };
}

/** Units stand for deliveries: work that came out wrong makes the figure void, as a loss would. */
function checkedOf(units: number, wrong: number): Checked {
  return { deliveries: units, frames: units, lost: wrong, duplicated: 0, reordered: 0 };
}
