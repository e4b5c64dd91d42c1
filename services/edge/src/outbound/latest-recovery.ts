import { historyPage, type OlderPage, type PageLimits } from './history-page.ts';
import type { RingChannel } from './lane-ring.ts';
import type { LanePosition, Recovery, StreamPosition } from './recovery.ts';

const newest = { limit: 1, since: undefined, reverse: true };

/**
 * Recovery of channels whose newest publication says all (recovery mode `cache`): it is sent unless the client has it.
 * Recovered where it was found, or where nothing came since the client's position.
 */
export function recoverLatest(
  channel: RingChannel,
  position: StreamPosition,
  lane: LanePosition,
  limits: PageLimits,
  older?: OlderPage,
): Recovery {
  // Of another life, or of none: it says nothing of what the client has.
  const known = position.epoch === lane.epoch ? position.offset : 0;
  if (known > lane.head) return { kind: 'ahead' };
  const page = historyPage(channel, newest, lane, limits, older);
  if (page.kind === 'gone') return { kind: 'unrecoverable', reason: 'history' };
  if (page.kind === 'too-large') return { kind: 'unrecoverable', reason: 'limit' };
  if (page.kind !== 'page') return page;
  const { tier, publications, missingThrough } = page;
  const [publication] = publications;
  if (publication !== undefined && (publication.offset ?? 0) > known) return { kind: 'recovered', publications, tier };
  const isUnchanged = publication !== undefined || (known > 0 && missingThrough <= known);
  return isUnchanged
    ? { kind: 'recovered', publications: [], tier }
    : { kind: 'unrecoverable', reason: position.epoch === '' || known > 0 ? 'history' : 'epoch' };
}
