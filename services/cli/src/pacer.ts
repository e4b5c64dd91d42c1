import type { Stop } from './stop.ts';

/** How much of a delay is caught up: enough for timers that fire late, too little for a burst after a stall. */
const MAX_CATCH_UP_MS = 50;

/** Spreads lines evenly over time. */
export class Pacer {
  readonly #intervalMs: number;
  readonly #now: () => number;
  #dueMs: number;

  constructor(linesPerSecond: number, now: () => number = () => performance.now()) {
    this.#intervalMs = 1000 / linesPerSecond;
    this.#now = now;
    this.#dueMs = now();
  }

  /** Takes the next place in the schedule: how long to wait for it, in ms; 0 or less is no wait. */
  next(): number {
    const now = this.#now();
    this.#dueMs = Math.max(this.#dueMs, now - MAX_CATCH_UP_MS);
    const waitMs = this.#dueMs - now;
    this.#dueMs += this.#intervalMs;
    return waitMs;
  }
}

/** Waits `delayMs`, or until the process is asked to stop. */
export function sleep(delayMs: number, stop: Stop): Promise<void> {
  return new Promise((resolve) => {
    let forget: () => void = () => undefined;
    const timer = setTimeout(() => {
      forget();
      resolve();
    }, delayMs);
    forget = stop.onStop(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
