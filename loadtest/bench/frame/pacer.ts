import { setTimeout as delay } from 'node:timers/promises';

/** Publications at an even rate. */
export interface Load {
  /** Number of the first. */
  readonly from: number;
  readonly count: number;
  readonly perSecond: number;
}

/**
 * Calls `send` with each number of the load at its time, counted from the beginning, so that a late timer doesn't lower the
 * rate; resolves after the last.
 */
export async function pace(load: Load, send: (sequence: number) => void): Promise<void> {
  const startMs = performance.now();
  for (let index = 0; index < load.count; index++) {
    const dueMs = startMs + (index * 1_000) / load.perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    send(load.from + index);
  }
}
