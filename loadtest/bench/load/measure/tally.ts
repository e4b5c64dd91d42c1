import { Histogram, type HistogramData } from './histogram.ts';

/** Everything that is counted; closed, so that a misspelt name doesn't compile. */
export const counterNames = [
  /** Connections that were begun, and what came of each: one of the four below. */
  'attempts',
  /** Connected and subscribed. */
  'in',
  /** The upgrade was answered with 503 or 429 and `Retry-After`. */
  'refused',
  /** Ended otherwise before it was in: no connection, another answer, an error, a close. */
  'failed',
  /** Given up by this side before it was in. */
  'abandoned',
  /** Connections that were in and that the other side ended. */
  'dropped',
  /** Of these, with close code 3008. */
  'slow',
  'deliveries',
  /** Numbers that came twice, and those that came after a higher one. */
  'twice',
  'disordered',
  /** Numbers that were passed over, those excepted that came later. */
  'gaps',
  /** Subscribes that asked for what was missed, and those that got all of it. */
  'resumes',
  'recovered',
  'published',
  'acknowledged',
  /** Publishes whose outcome isn't known, or that were refused. */
  'unacknowledged',
  /** Publishes that were not sent because too many waited, or there was no connection. */
  'withheld',
] as const;

export type CounterName = (typeof counterNames)[number];

/** All in milliseconds. */
export const durationNames = [
  /** From the begin of an attempt to being subscribed. */
  'connect',
  /** From sending a publication to its being received. */
  'delivery',
  /** From sending a publication to its acknowledgement. */
  'acknowledge',
  /** From being cut to being subscribed again. */
  'return',
] as const;

export type DurationName = (typeof durationNames)[number];

export interface TallyData {
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly durations: Readonly<Record<DurationName, HistogramData>>;
  /** Connections that the other side ended, by close code. */
  readonly closeCodes: Readonly<Record<string, number>>;
  /** Upgrades that were answered with something else than 101, by status; errors of the protocol by `error <code>`. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** What the clients of a process have seen; tallies of several processes are added up before anything is judged. */
export class Tally {
  readonly counters: Record<CounterName, number>;
  readonly durations: Readonly<Record<DurationName, Histogram>>;
  readonly closeCodes: Record<string, number> = {};
  readonly refusals: Record<string, number> = {};

  constructor() {
    this.counters = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;
    this.durations = Object.fromEntries(durationNames.map((name) => [name, new Histogram()])) as Record<
      DurationName,
      Histogram
    >;
  }

  count(name: CounterName, by = 1): void {
    this.counters[name] += by;
  }

  closed(code: number): void {
    increase(this.closeCodes, String(code), 1);
  }

  refusal(what: string): void {
    increase(this.refusals, what, 1);
  }

  merge(other: TallyData): void {
    for (const name of counterNames) this.counters[name] += other.counters[name];
    for (const name of durationNames) this.durations[name].merge(other.durations[name]);
    for (const [code, count] of Object.entries(other.closeCodes)) increase(this.closeCodes, code, count);
    for (const [what, count] of Object.entries(other.refusals)) increase(this.refusals, what, count);
  }

  reset(): void {
    for (const name of counterNames) this.counters[name] = 0;
    for (const name of durationNames) this.durations[name].reset();
    for (const counts of [this.closeCodes, this.refusals]) for (const key of Object.keys(counts)) delete counts[key];
  }

  toJSON(): TallyData {
    const durations = Object.fromEntries(durationNames.map((name) => [name, this.durations[name].toJSON()]));
    return {
      counters: this.counters,
      durations: durations as Record<DurationName, HistogramData>,
      closeCodes: this.closeCodes,
      refusals: this.refusals,
    };
  }
}

function increase(counts: Record<string, number>, key: string, by: number): void {
  counts[key] = (counts[key] ?? 0) + by;
}
