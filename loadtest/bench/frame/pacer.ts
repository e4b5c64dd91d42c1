import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

/** Publications at an even rate. */
export interface Load {
  /** Number of the first. */
  readonly from: number;
  readonly count: number;
  readonly perSecond: number;
}

/** How the load went out. */
export interface Paced {
  /** Publications that were so late that they came close to the next one. */
  readonly late: number;
}

/** Timers are exact to a few milliseconds, so less than this is not late at any rate. */
const toleranceMs = 5;

/**
 * Calls `send` with each number of the load at its time, counted from the beginning, so that a late timer doesn't lower the
 * rate. Resolves after the last. Never two in one turn of the event loop: a server writes what it got in a turn at once, and
 * that is another figure.
 */
export async function pace(load: Load, send: (sequence: number) => void): Promise<Paced> {
  const intervalMs = 1_000 / load.perSecond;
  const lateMs = Math.max(toleranceMs, intervalMs / 2);
  const startMs = performance.now();
  let late = 0;
  for (let index = 0; index < load.count; index++) {
    const waitMs = startMs + index * intervalMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    else await nextTurn();
    if (-waitMs > lateMs) late++;
    send(load.from + index);
  }
  return { late };
}
