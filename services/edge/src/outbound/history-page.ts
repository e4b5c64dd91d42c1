import type { Encoding, Publication } from '@pharos/client-protocol';
import { type ChannelLimits, oldestTimeMs, type StoredPublication } from '@pharos/history';

import type { LaneRing, RingChannel } from './lane-ring.ts';
import { PublicationView } from './publication-view.ts';
import { type LanePosition, type Obstacle, type Older, travelBytes } from './recovery.ts';

export interface PageQuery {
  /** Publications at most; above 0. */
  readonly limit: number;
  /** Begin after this offset; with `reverse` before it. None: with the oldest; with `reverse` the newest. */
  readonly since: number | undefined;
  readonly reverse: boolean;
}

/** Its own limits are what may be seen. */
export interface PageLimits extends ChannelLimits {
  /** What the answer is written in. */
  readonly encoding: Encoding;
  /** What the store is to give of that. */
  readonly stored: ChannelLimits;
  /** What one answer may weigh; and what the connection takes now. */
  readonly maxBytes: number;
  readonly roomBytes: number;
}

/** One page of what the channel has beyond the ring. */
export interface OlderPage {
  readonly tier: 'ring' | Older['tier'];
  readonly epoch: string;
  /** Everything up to there was looked at. */
  readonly through: number;
  /** Where the page begins, as it was asked for. */
  readonly since: number | undefined;
  readonly limit: number;
  readonly publications: readonly StoredPublication[];
  /** There is more behind the last of them. */
  readonly more: boolean;
  /** Where to go on where there is more, if it isn't the last of them: so far everything was looked at. */
  readonly resumeAt?: number;
  /** Publications up to this offset may exist and can't be had. */
  readonly missingThrough: number;
  /** What the channel had up to this offset was removed, as far as the store knows. */
  readonly removedThrough?: number;
}

/** What has to be asked for to make the page. */
export interface OlderWanted {
  readonly since: number | undefined;
  readonly limit: number;
  /** The ring holds only what comes after this offset. */
  readonly ringBegin: number;
}

export type PageOutcome =
  | {
      readonly kind: 'page';
      readonly publications: readonly Publication[];
      /** Where to go on where the page isn't full: the head of the lane where there is nothing more. */
      readonly offset: number;
      readonly tier: 'ring' | Older['tier'];
      /** Publications up to this offset may exist and aren't shown; 0 where none is hidden that could have been. */
      readonly missingThrough: number;
    }
  /** Publications right behind the position are no longer there: to go on as if nothing was between would be a lie. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'wanted'; readonly wanted: OlderWanted }
  | Extract<Obstacle, { readonly kind: 'crowded' }>;

/** A page of a channel's history, from the ring and what was read from beyond it. To be answered in this turn. */
export function historyPage(
  channel: RingChannel,
  query: PageQuery,
  lane: LanePosition,
  limits: PageLimits,
  older?: OlderPage,
): PageOutcome {
  const begin = lane.ring.beginsAfter ?? lane.head;
  const recent = recentHistory(lane.ring, channel, limits);
  const known = older !== undefined && older.epoch === lane.epoch ? older : undefined;
  const parts = { channel, query, lane, limits, begin, recent, older: known };
  return query.reverse ? backward(parts) : forward(parts);
}

interface Parts {
  readonly channel: RingChannel;
  readonly query: PageQuery;
  readonly lane: LanePosition;
  readonly limits: PageLimits;
  readonly begin: number;
  readonly recent: RecentHistory;
  readonly older: OlderPage | undefined;
}

function forward(parts: Parts): PageOutcome {
  const { query, begin, recent, older } = parts;
  const { limit } = query;
  const start = query.since ?? 0;
  if (start >= begin || recent.isAll) {
    if (start > 0 && start < recent.hiddenThrough) return { kind: 'gone' };
    const shown = recent.offsets.filter((offset) => offset > start);
    return page(parts, [], shown.slice(0, limit), undefined);
  }
  // The first page that the store can give is a page, wherever the ring begins.
  const isFull = older !== undefined && older.more && (older.publications.at(-1)?.offset ?? 0) <= begin;
  if (older === undefined || older.since !== query.since || (older.through < begin && !isFull)) {
    return { kind: 'wanted', wanted: { since: query.since, limit, ringBegin: begin } };
  }
  if (start > 0 && older.missingThrough > start) return { kind: 'gone' };
  const stored = older.publications.filter(({ offset }) => offset <= begin);
  const fromRing = isFull ? [] : recent.offsets.slice(0, limit - stored.length);
  return page(parts, stored, fromRing, isFull ? (older.resumeAt ?? stored.at(-1)?.offset) : undefined);
}

function backward(parts: Parts): PageOutcome {
  const { query, lane, begin, recent, older } = parts;
  const { limit } = query;
  const before = query.since ?? Infinity;
  const shown = recent.offsets.filter((offset) => offset < before).reverse();
  if (shown.length >= limit || recent.isAll) return page(parts, [], shown.slice(0, limit), undefined);
  const end = Math.min(before, begin + 1);
  const missing = limit - shown.length;
  const asked = older?.publications.filter(({ offset }) => offset < end) ?? [];
  const fits =
    older?.since !== undefined &&
    older.since >= end &&
    older.through >= end - 1 &&
    (older.limit - (older.publications.length - asked.length) >= missing || !older.more);
  if (older === undefined || !fits) {
    // Some of what the ring has is asked for too: a busy lane's begins later by the time that there is an answer, each time.
    const since = Math.min(before, end + Math.ceil((lane.head - begin) / 2));
    const twice = shown.filter((offset) => offset >= end && offset < since).length;
    return { kind: 'wanted', wanted: { since, limit: missing + twice, ringBegin: begin } };
  }
  const stored = asked.slice(0, missing);
  const isCut = older.more && shown.length + stored.length < limit;
  return page(parts, stored, shown, isCut ? (older.resumeAt ?? stored.at(-1)?.offset) : undefined);
}

/** @param cutAt where the page had to end before its limit */
function page(
  { channel, query, lane, limits, recent, older }: Parts,
  stored: readonly StoredPublication[],
  fromRing: readonly number[],
  cutAt: number | undefined,
): PageOutcome {
  const before = stored.map(({ data, properties, offset, timeMs }) =>
    new PublicationView(data, properties, offset, timeMs).publication(limits.encoding),
  );
  const newer = read(lane.ring, channel, fromRing, limits.encoding);
  const all = query.reverse ? [...newer.reverse(), ...before] : [...before, ...newer];
  let bytes = 0;
  const publications: Publication[] = [];
  for (const publication of all) {
    const more = travelBytes(publication, limits.encoding);
    if (bytes + more > limits.maxBytes) break;
    bytes += more;
    publications.push(publication);
  }
  const isWhole = publications.length === all.length;
  if (!isWhole && publications.length === 0) return { kind: 'too-large' };
  if (bytes > limits.roomBytes) return { kind: 'crowded' };
  return {
    kind: 'page',
    publications,
    offset: (isWhole ? cutAt : publications.at(-1)?.offset) ?? lane.head,
    tier: older?.tier ?? 'ring',
    missingThrough: recent.hiddenThrough > 0 ? recent.hiddenThrough : (older?.missingThrough ?? 0),
  };
}

/** What the ring has of a channel's history, as the namespace lets it be seen. */
interface RecentHistory {
  /** Oldest first. */
  readonly offsets: readonly number[];
  /** Nothing up to this offset may be seen, in any tier; 0 where the ring knows of no such bound. */
  readonly hiddenThrough: number;
  /** There is nothing more to be seen before them. */
  readonly isAll: boolean;
}

function recentHistory(ring: LaneRing, channel: RingChannel, limits: PageLimits): RecentHistory {
  const begin = ring.beginsAfter;
  if (begin === undefined) return { offsets: [], hiddenThrough: 0, isAll: false };
  const oldestMs = oldestTimeMs(limits, Date.now());
  let offsets: number[] = [];
  let hiddenThrough = 0;
  ring.walk(channel, begin, {
    publication: (cursor, { publishTimeMs }) => {
      if (publishTimeMs >= oldestMs) offsets.push(cursor.offset);
      else hiddenThrough = cursor.offset;
      return true;
    },
    removal: () => {
      hiddenThrough = offsets.at(-1) ?? Math.max(hiddenThrough, begin);
      offsets = [];
      return true;
    },
  });
  const tooMany = offsets.length - limits.size;
  if (tooMany > 0) hiddenThrough = offsets[tooMany - 1] ?? hiddenThrough;
  const isAll = hiddenThrough > 0 || begin === 0;
  return { offsets: tooMany > 0 ? offsets.slice(tooMany) : offsets, hiddenThrough, isAll };
}

/** The publications at these offsets, which lie side by side in the channel, in the order of the ring. */
function read(ring: LaneRing, channel: RingChannel, offsets: readonly number[], encoding: Encoding): Publication[] {
  const wanted = new Set(offsets);
  const found: Publication[] = [];
  const first = Math.min(...offsets.slice(0, 1), ...offsets.slice(-1));
  if (wanted.size === 0) return found;
  ring.walk(channel, first - 1, {
    publication: (cursor, { publishTimeMs }) => {
      if (wanted.has(cursor.offset)) found.push(PublicationView.at(cursor, publishTimeMs).publication(encoding));
      return found.length < wanted.size;
    },
  });
  return found;
}
