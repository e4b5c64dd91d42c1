import { setTimeout as delay } from 'node:timers/promises';

const maxAheadMs = 24 * 3_600_000;

/** @param text a moment with its zone, such as `2026-12-01T12:00:00Z`. @returns milliseconds since 1970. @throws RangeError */
export function parseStartAt(text: string): number {
  const ms = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  throw new RangeError(`--start-at must be a moment with its time zone, as in 2026-12-01T12:00:00Z, not '${text}'`);
}

/** Resolves at that moment. @throws RangeError where it is over, or more than a day ahead */
export async function untilStart(startAtMs: number, progress: (line: string) => void): Promise<void> {
  const waitMs = startAtMs - Date.now();
  const at = new Date(startAtMs).toISOString();
  if (waitMs < 0) throw new RangeError(`not ready at --start-at ${at}, but ${-waitMs} ms later: name a later moment`);
  if (waitMs > maxAheadMs) throw new RangeError(`--start-at ${at} is more than a day ahead`);
  progress(`begins at ${at}, in ${(waitMs / 1_000).toFixed(1)} s`);
  await delay(waitMs);
}
