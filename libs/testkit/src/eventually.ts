import { setTimeout as delay } from 'node:timers/promises';
import { TestkitError } from './errors.ts';

const pollMs = 20;

/**
 * Asks until `probe` gives something else than undefined, and returns that; for states of another process that tell nobody
 * when they change. Where there is an event, wait for that. An error of `probe` counts as "not yet" and ends up as the cause.
 */
export async function eventually<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  what: string,
  timeoutMs: number = 60_000,
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await probe();
      if (value !== undefined) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(pollMs);
  } while (Date.now() < giveUpAt);
  throw new TestkitError('wait-timeout', `no ${what} in ${timeoutMs} ms`, cause === undefined ? {} : { cause });
}
