import type { ChannelLimits, StoredPublication } from './port.ts';

/** Milliseconds since 1970 before which a publication is too old. */
export function oldestTimeMs(limits: ChannelLimits, nowMs: number): number {
  return nowMs - limits.ttlMs;
}

/**
 * Whether what a client missed, oldest first, is more or older than its namespace lets recover. Every tier asks this, so
 * that all answer the same. The first one's age decides: the log's times rise, but for a clock that was set back.
 */
export function exceedsLimits(
  missed: readonly Pick<StoredPublication, 'timeMs'>[],
  limits: ChannelLimits,
  nowMs: number,
): 'too-many' | 'too-old' | undefined {
  if (missed.length > limits.size) return 'too-many';
  const [first] = missed;
  return first !== undefined && first.timeMs < oldestTimeMs(limits, nowMs) ? 'too-old' : undefined;
}
