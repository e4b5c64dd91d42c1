/** Bounds of buckets lie this factor apart: quantiles are exact to 4 %. */
const growth = 1.04;
const logGrowth = Math.log(growth);
/** Smaller values share the first bucket. */
const least = 0.1;
/** Bucket of a day in milliseconds: larger values share it. */
export const lastBucket: number = bucketOf(86_400_000);

/** As it travels between processes: pairs of bucket and count, and the largest value. */
export interface HistogramData {
  readonly buckets: readonly (readonly [number, number])[];
  readonly max: number;
}

/** Durations in milliseconds, in a memory that doesn't grow with their number; those of several processes can be added up. */
export class Histogram {
  readonly #counts = new Float64Array(lastBucket + 1);
  #count = 0;
  #max = 0;

  /** @param ms below zero, as two clocks may have it, counts as zero */
  add(ms: number): void {
    const index = Math.min(lastBucket, bucketOf(ms));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  /** The upper end of the bucket that holds the quantile, but no more than the largest value; 0 where there are no values. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, least * growth ** index);
    }
    return 0;
  }

  merge({ buckets, max }: HistogramData): void {
    for (const [index, count] of buckets) {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
      this.#count += count;
    }
    this.#max = Math.max(this.#max, max);
  }

  reset(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }

  toJSON(): HistogramData {
    const buckets = [...this.#counts.entries()].filter(([, count]) => count > 0);
    return { buckets, max: this.#max };
  }
}

function bucketOf(ms: number): number {
  return ms <= least ? 0 : Math.ceil(Math.log(ms / least) / logGrowth);
}
