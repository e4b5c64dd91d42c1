/** A value at a time in minutes. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** By how much a value rises in a minute: what fits best, and the ends of what it may be with 95 % confidence, without end where too little is known. */
export interface Growth {
  readonly slope: number;
  readonly least: number;
  readonly most: number;
}

/** Below it a confidence is a guess. */
const leastFreedom = 3;

/**
 * By least squares. Values that hang on their neighbours, as those of a slow sawtooth do, count for fewer than they are: what is said then is less, but no
 * less sure.
 */
export function growthOf(points: readonly Point[]): Growth {
  const count = points.length;
  const meanAt = mean(points.map(({ at }) => at));
  const meanValue = mean(points.map(({ value }) => value));
  const spread = sum(points.map(({ at }) => (at - meanAt) ** 2));
  const unknown = { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };
  if (spread === 0) return { slope: 0, ...unknown };
  const slope = sum(points.map(({ at, value }) => (at - meanAt) * (value - meanValue))) / spread;
  const rests = points.map(({ at, value }) => value - meanValue - slope * (at - meanAt));
  const squares = sum(rests.map((rest) => rest ** 2));
  if (count > leastFreedom + 1 && squares === 0) return { slope, least: slope, most: slope };
  const hanging = sum(rests.map((rest, index) => rest * (rests[index - 1] ?? 0))) / squares;
  // So many values stand for one that is independent.
  const each = (1 + Math.max(0, hanging)) / (1 - Math.max(0, hanging));
  const freedom = count / each - 2;
  if (!(freedom >= leastFreedom)) return { slope, ...unknown };
  const half = studentOf(freedom) * Math.sqrt((squares / (count - 2) / spread) * each);
  return { slope, least: slope - half, most: slope + half };
}

/** The least point in each of `count` equal times: of a sawtooth, what is left after the collections of garbage. */
export function troughsOf(points: readonly Point[], count: number): Point[] {
  const [from, to] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 0];
  const troughs: (Point | undefined)[] = [];
  for (const point of points) {
    const index = Math.min(count - 1, Math.floor(((point.at - from) / (to - from || 1)) * count));
    const known = troughs[index];
    if (known === undefined || point.value < known.value) troughs[index] = point;
  }
  // Times without a point.
  return troughs.filter((point) => point !== undefined);
}

/** The 97.5 % quantile of Student's distribution, by its expansion: to 1 % from 3 degrees of freedom on. */
function studentOf(freedom: number): number {
  return 1.96 + 2.372 / freedom + 2.823 / freedom ** 2 + 2.556 / freedom ** 3;
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
