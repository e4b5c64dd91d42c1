import type { ChannelLimits } from '@pharos/history';

import type { OlderPage, OlderWanted } from './history-page.ts';
import type { RingChannel } from './lane-ring.ts';
import { type LaneStore, nothingOlder } from './lane-store.ts';
import type { LaneReplay } from './replay/lane-replay.ts';
import { logPage, logPageBackward } from './replay/log-pages.ts';

export interface OlderQuery {
  readonly epoch: string;
  readonly channel: RingChannel;
  readonly wanted: OlderWanted;
  /** Where the ring began when the client asked: a store that isn't there yet may lack a removal of what it would show. */
  readonly asOf: number;
  readonly reverse: boolean;
  readonly limits: ChannelLimits;
  /** When to have an answer, on the clock of `performance.now()`. */
  readonly deadlineAt: number;
}

/**
 * What a page needs from beyond the ring: from the store, and where that has no more from the log itself, if there is somebody
 * to read it. Undefined where the store has nothing of the lane yet. @throws HistoryError, BusError, ReplayBusy
 */
export async function olderPage(
  query: OlderQuery,
  store: LaneStore | undefined,
  replay: LaneReplay | undefined,
): Promise<OlderPage | undefined> {
  const { epoch, channel, wanted, reverse, limits } = query;
  // Only the store knows all that was removed: without it, what the log has may not be shown.
  if (store === undefined) return nothingOlder(epoch, wanted);
  const page = await store.page(channel.name, wanted, reverse, limits, query.deadlineAt);
  if (page === undefined || page.tier !== 'store') return page;
  if (page.through < query.asOf) return undefined;
  if (replay === undefined) return page;
  // What is on its way into the store may be a removal of what the log has.
  if (page.through < wanted.ringBegin) return undefined;
  const { removedThrough = 0, missingThrough } = page;
  // It is not missing what was removed.
  const whole = { ...page, missingThrough: missingThrough > removedThrough ? missingThrough : 0 };
  if (whole.missingThrough === 0 || (reverse && page.more)) return whole;
  if (!reverse) {
    if (whole.missingThrough <= (wanted.since ?? 0)) return whole;
    return logPage(replay, channel, { ...query, removedThrough });
  }
  const { publications } = page;
  const rest = {
    since: Math.min(wanted.since ?? Infinity, missingThrough + 1),
    limit: wanted.limit - publications.length,
    ringBegin: wanted.ringBegin,
  };
  if (rest.limit <= 0) return { ...whole, more: true };
  const before = await logPageBackward(replay, channel, { ...query, wanted: rest, removedThrough });
  const { through } = page;
  const { since, limit } = wanted;
  return { ...before, since, limit, through, publications: [...publications, ...before.publications] };
}
