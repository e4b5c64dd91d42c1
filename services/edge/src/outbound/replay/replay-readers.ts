import { Deferred, withDeadline } from '@pharos/lifecycle';

import type { EdgeMetrics } from '../../metrics.ts';
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

/** More is asked of the past than there are readers and memory for: to be tried again. */
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
  readonly #waiting: Deferred<void>[] = [];
  #running = 0;

  constructor(limits: ReplayLimits, metrics: EdgeMetrics) {
    // What is being read must not push out what was read a moment ago.
    const stretchBytes = Math.min(limits.stretchBytes, limits.cacheBytes / (2 * limits.maxReaders));
    this.limits = { ...limits, stretchBytes };
    this.#metrics = metrics;
    this.#budget = new RingBudget(limits.cacheBytes);
  }

  newRing(): LaneRing {
    const { cacheBytes: maxBytes, maxAgeMs } = this.limits;
    return new LaneRing({ maxBytes, maxAgeMs }, this.#budget);
  }

  /** Works once a reader is free. @throws ReplayBusy, DeadlineExceeded, and what the work throws */
  async run<T>(deadlineAt: number, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.limits.maxReaders) await this.#wait(deadlineAt);
    else this.#running++;
    this.#metrics.replayReads.inc();
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  read(bytes: number): void {
    this.#metrics.replayBytes.inc(bytes);
  }

  async #wait(deadlineAt: number): Promise<void> {
    if (this.#waiting.length >= this.limits.maxWaiting) throw new ReplayBusy();
    const turn = new Deferred<void>();
    this.#waiting.push(turn);
    const leftMs = Math.max(1, deadlineAt - performance.now());
    try {
      await withDeadline(turn.promise, leftMs, 'waiting for a reader of the log');
    } catch (error) {
      const at = this.#waiting.indexOf(turn);
      if (at >= 0) this.#waiting.splice(at, 1);
      // It came in the very moment: somebody else's now.
      else this.#passOn();
      throw error;
    }
  }

  #passOn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next.resolve();
  }
}
