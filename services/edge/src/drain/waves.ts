/** Connections that are closed in one second at the least, so that a small edge drains at once. */
const minPerSecond = 500;
const waveMs = 100;

/**
 * Calls `close` for each of `items` in even waves, so that the edges which take the clients over see a flat connect rate
 * instead of a storm; resolves after the last.
 *
 * @param durationMs how long the whole may take; fewer items take less
 * @param signal ends it early; what is left is left
 */
export async function inWaves<T>(
  items: readonly T[],
  durationMs: number,
  close: (item: T) => void,
  signal: AbortSignal,
): Promise<void> {
  const perWave = Math.ceil(
    Math.max((items.length * waveMs) / Math.max(durationMs, waveMs), (minPerSecond * waveMs) / 1000),
  );
  for (let start = 0; start < items.length; start += perWave) {
    if (start > 0) await pause(waveMs, signal);
    if (signal.aborted) return;
    for (const item of items.slice(start, start + perWave)) close(item);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}
