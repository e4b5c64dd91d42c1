/** Middle and ends of a row of measurements. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError where there is nothing to sum up, or a value that is no number */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('a spread needs at least one value');
  if (!values.every(Number.isFinite)) throw new RangeError(`not all finite: ${values.join(', ')}`);
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(sorted, upper) : (at(sorted, upper - 1) + at(sorted, upper)) / 2;
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1) };
}

/** The least value that `percent` of all don't exceed. @throws RangeError where there are none */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new RangeError('a percentile needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  return at(sorted, Math.min(sorted.length - 1, Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)));
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}
