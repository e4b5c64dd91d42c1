import type { FigureContext } from './figure.ts';
import type { Pair, Sample } from './pairs.ts';

/** What each one measured in a round. */
export type Round<One> = ReadonlyMap<One, Sample>;

/**
 * Rounds in which every one has its turn, in alternating order, so that a machine that gets slower slows all of them.
 *
 * @param label what progress begins with
 * @param told how the value of a sample is told
 */
export async function inRounds<One extends { readonly name: string }>(
  { pairs: count, progress }: Pick<FigureContext, 'pairs' | 'progress'>,
  label: string,
  ones: readonly One[],
  measure: (one: One) => Promise<Sample>,
  told: (value: number) => string,
): Promise<Round<One>[]> {
  const rounds: Round<One>[] = [];
  for (let round = 0; round < count; round++) {
    const samples = new Map<One, Sample>();
    for (const one of round % 2 === 0 ? ones : ones.toReversed()) {
      const sample = await measure(one);
      samples.set(one, sample);
      progress(`${label} round ${round + 1} of ${count}: ${one.name} ${told(sample.value)}`);
    }
    rounds.push(samples);
  }
  return rounds;
}

/** Of rounds, what two of those who had their turns measured. */
export function pairsOf<One>(rounds: readonly Round<One>[], pharos: One, floor: One): Pair[] {
  return rounds.map((samples) => ({
    pharos: samples.get(pharos) as Sample,
    floor: samples.get(floor) as Sample,
  }));
}
