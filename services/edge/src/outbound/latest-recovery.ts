import { jsonString, type Publication } from '@pharos/client-protocol';

import { historyPage, type OlderPage, type PageLimits } from './history-page.ts';
import type { RingChannel } from './lane-ring.ts';
import { type LanePosition, type Recovery, type StreamPosition, travelBytes } from './recovery.ts';
import { plainShape, type Shape } from './subscriber.ts';

/** How many of the newest are looked at for one that the client's filter lets through. */
const filteredLimit = 300;

/** With the shape that the client wants its publications in. */
export interface LatestLimits extends PageLimits {
  /** @default as they are */
  readonly shape?: Shape;
}

/**
 * Recovery of channels whose newest publication says all (recovery mode `cache`): it is sent unless the client has it.
 * Recovered where it was found, or where nothing came since the client's position.
 */
export function recoverLatest(
  channel: RingChannel,
  position: StreamPosition,
  lane: LanePosition,
  limits: LatestLimits,
  older?: OlderPage,
): Recovery {
  // Of another life, or of none: it says nothing of what the client has.
  const known = position.epoch === lane.epoch ? position.offset : 0;
  if (known > lane.head) return { kind: 'ahead' };
  const { encoding, shape = plainShape, maxBytes } = limits;
  const { filter } = shape;
  const newest = { limit: filter === undefined ? 1 : filteredLimit, since: undefined, reverse: true };
  const page = historyPage(channel, newest, lane, limits, older);
  if (page.kind === 'gone') return { kind: 'unrecoverable', reason: 'history' };
  if (page.kind === 'too-large') return { kind: 'unrecoverable', reason: 'limit' };
  if (page.kind !== 'page') return page;
  const { tier, publications, missingThrough } = page;
  const publication = publications.find(({ tags }) => filter?.matches(tags ?? noTags) !== false);
  if (publication !== undefined && (publication.offset ?? 0) > known) {
    const shaped = shapedFor(publication, encoding === 'json' && shape.delta);
    if (travelBytes(shaped, encoding) > maxBytes) return { kind: 'unrecoverable', reason: 'limit' };
    return { kind: 'recovered', publications: [shaped], tier };
  }
  const isUnchanged = publication !== undefined || (known > 0 && missingThrough <= known);
  return isUnchanged
    ? { kind: 'recovered', publications: [], tier }
    : { kind: 'unrecoverable', reason: position.epoch === '' || known > 0 ? 'history' : 'epoch' };
}

const noTags: ReadonlyMap<string, string> = new Map();

function shapedFor(publication: Publication, asString: boolean): Publication {
  return asString ? { ...publication, data: jsonString(publication.data) } : publication;
}
