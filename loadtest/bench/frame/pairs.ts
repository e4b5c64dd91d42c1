import { addChecked, type Checked, voidReason } from './delivery-check.ts';
import type { FigureResult } from './figure.ts';
import { spreadOf } from './statistics.ts';

/** One measurement of one server. */
export interface Sample {
  /** In the unit of the figure. */
  readonly value: number;
  readonly checked: Checked;
  /** Why the measurement itself must not be believed, where everything arrived. */
  readonly void?: string;
}

/** One measurement of Pharos and the one of the floor that was made beside it. */
export interface Pair {
  readonly pharos: Sample;
  readonly floor: Sample;
}

/** Sums up the pairs of a figure. Void where one measurement of either side is. */
export function summarise(
  figure: Pick<FigureResult, 'id' | 'what' | 'unit' | 'reach' | 'better'>,
  pairs: readonly Pair[],
): FigureResult {
  const { id, what, unit, reach, better } = figure;
  const samples = pairs.flatMap(({ pharos, floor }) => [pharos, floor]);
  const reasons = samples
    .map((sample) => voidReason(sample.checked) ?? sample.void)
    .filter((reason) => reason !== undefined);
  const [first] = reasons;
  return {
    id,
    what,
    unit,
    pharos: spreadOf(pairs.map(({ pharos }) => pharos.value)),
    floor: spreadOf(pairs.map(({ floor }) => floor.value)),
    ratio: spreadOf(pairs.map(({ pharos, floor }) => pharos.value / floor.value)),
    pairs: pairs.length,
    reach,
    ...(better === undefined ? {} : { better }),
    publicationsPerFrame: {
      pharos: packing(pairs.map(({ pharos }) => pharos)),
      floor: packing(pairs.map(({ floor }) => floor)),
    },
    checked: samples.map(({ checked }) => checked).reduce(addChecked),
    ...(first === undefined ? {} : { void: first }),
  };
}

function packing(samples: readonly Sample[]): number {
  const { deliveries, frames } = samples.map(({ checked }) => checked).reduce(addChecked);
  return frames === 0 ? 0 : deliveries / frames;
}
