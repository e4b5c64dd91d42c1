import {
  historyRemoveMarker,
  type LaneEntry,
  markerProperty,
  type NewPublication,
  type PublicationCursor,
  skipHistoryProperty,
} from '@pharos/bus';
import type { Batch, NewEntry, StoreLimits } from '@pharos/history';

import type { FedEntry } from './lane-feed.ts';

/** What a channel's history may be; undefined where it has none. */
export type LimitsOf = (channel: string) => StoreLimits | undefined;

/** A message that lies in a wrong lane, or has no key. */
export interface Misplaced {
  readonly offset: number;
  /** Of its entry. */
  readonly position: string;
  readonly publication: NewPublication;
}

export type MessageKind = 'stored' | 'removal' | 'not_kept' | 'mark' | 'misplaced' | 'unreadable';

export interface LaneBatch {
  readonly batch: Batch & { readonly position: string };
  readonly misplaced: readonly Misplaced[];
  readonly kinds: ReadonlyMap<MessageKind, number>;
}

/** What a lane's writer knows of channels. */
export interface LaneChannels {
  readonly limitsOf: LimitsOf;
  /** Whether the channel lives in this lane. */
  readonly isHome: (channel: string) => boolean;
}

/** What entries of a lane mean for the store. */
export function laneBatch(fed: readonly FedEntry[], previous: number, channels: LaneChannels): LaneBatch {
  const { limitsOf } = channels;
  const entries: NewEntry[] = [];
  const misplaced: Misplaced[] = [];
  const kinds = new Map<MessageKind, number>();
  let floor = 0;
  let watermark = previous;
  let position = '';
  for (const { entry, lostThrough } of fed) {
    const cursor = entry.publications();
    while (cursor.next()) {
      if (cursor.offset <= previous) continue;
      const kind = kindOf(cursor, channels);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (kind === 'misplaced') misplaced.push(misplacedMessage(entry, cursor));
      else if (kind === 'removal') entries.push({ kind: 'remove', channel: cursor.channel(), offset: cursor.offset });
      else if (kind === 'stored') entries.push(storedMessage(entry, cursor, limitsOf));
    }
    floor = Math.max(floor, lostThrough);
    watermark = Math.max(watermark, entry.firstOffset + entry.count - 1);
    position = entry.position;
  }
  return { batch: { previous, watermark, entries, position, ...(floor > 0 ? { floor } : {}) }, misplaced, kinds };
}

function kindOf(cursor: PublicationCursor, { limitsOf, isHome }: LaneChannels): MessageKind {
  if (cursor.isMarker()) {
    // Whether its key is in place or not: of a message outside a batch it isn't.
    if (cursor.properties().get(markerProperty) !== historyRemoveMarker) return 'mark';
    // Other marks are at home anywhere; a removal has to come to what it removes.
    return isHome(cursor.channel()) ? 'removal' : 'misplaced';
  }
  if (!cursor.readable()) return 'unreadable';
  if (!cursor.routed()) return 'misplaced';
  const isSkipped = cursor.hasProperties && cursor.properties().has(skipHistoryProperty);
  return isSkipped || limitsOf(cursor.channel()) === undefined ? 'not_kept' : 'stored';
}

function storedMessage(entry: LaneEntry, cursor: PublicationCursor, limitsOf: LimitsOf): NewEntry {
  const channel = cursor.channel();
  return {
    kind: 'publication',
    channel,
    offset: cursor.offset,
    timeMs: entry.publishTimeMs,
    data: dataOf(cursor),
    properties: cursor.properties(),
    limits: limitsOf(channel) as StoreLimits,
  };
}

function misplacedMessage(entry: LaneEntry, cursor: PublicationCursor): Misplaced {
  const properties = Object.fromEntries(cursor.properties());
  return {
    offset: cursor.offset,
    position: entry.position,
    publication: { channel: cursor.channel(), data: dataOf(cursor), properties },
  };
}

/** In place: the entry is kept for as long as anything of it is under way. */
function dataOf(cursor: PublicationCursor): Buffer {
  return cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd);
}
