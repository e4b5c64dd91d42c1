import type { EdgeMetrics } from '../../metrics.ts';
import { Gate } from '../gate.ts';
import { LaneRing } from '../lane-ring.ts';
import { RingBudget } from '../ring-budget.ts';

export interface ReplayLimits {
  /** Parts of logs that are read at the same time, over all lanes. */
  readonly maxReaders: number;
  /** Those that wait for a reader: above it they are told to try again. */
  readonly maxWaiting: number;
  /** What is read at a time. */
  readonly stretchBytes: number;
  /** What is kept of it for others that ask for the same. */
  readonly cacheBytes: number;
  /** Reading over so many messages is cheaper than finding a nearer place to begin. */
  readonly maxSkip: number;
  readonly maxAgeMs: number;
}

/** Where the configuration says nothing else. A waiting page is no more than its query. */
export const replayLimits: Omit<ReplayLimits, 'maxReaders' | 'cacheBytes'> = {
  maxWaiting: 1_000,
  stretchBytes: 4 * 1024 * 1024,
  maxSkip: 20_000,
  maxAgeMs: 60_000,
};

/** What was read had to go again before it was used: to be tried again. */
export class ReplayBusy extends Error {
  constructor() {
    super('too much of the log is read from the past already');
    this.name = 'ReplayBusy';
  }
}

/** The readers that an edge has for the past of its logs. */
export class ReplayReaders {
  readonly limits: ReplayLimits;
  readonly #metrics: EdgeMetrics;
  readonly #budget: RingBudget;
  readonly #gate: Gate;

  constructor(limits: ReplayLimits, metrics: EdgeMetrics) {
    // What is being read must not push out what was read a moment ago.
    const stretchBytes = Math.min(limits.stretchBytes, limits.cacheBytes / (2 * limits.maxReaders));
    this.limits = { ...limits, stretchBytes };
    this.#metrics = metrics;
    this.#budget = new RingBudget(limits.cacheBytes);
    this.#gate = new Gate('a reader of the log', { maxRunning: limits.maxReaders, maxWaiting: limits.maxWaiting });
  }

  newRing(): LaneRing {
    const { cacheBytes: maxBytes, maxAgeMs } = this.limits;
    return new LaneRing({ maxBytes, maxAgeMs }, this.#budget);
  }

  /** Works once a reader is free. @throws GateFull, DeadlineExceeded, and what the work throws */
  run<T>(deadlineAt: number, work: () => Promise<T>): Promise<T> {
    return this.#gate.run(deadlineAt, () => {
      this.#metrics.replayReads.inc();
      return work();
    });
  }

  read(bytes: number): void {
    this.#metrics.replayBytes.inc(bytes);
  }
}
