import type { PublicationCursor } from '@pharos/bus';
import type { StoredPublication } from '@pharos/history';

import type { OlderPage, OlderWanted } from '../history-page.ts';
import type { RingChannel } from '../lane-ring.ts';
import type { LaneReplay } from './lane-replay.ts';
import { ReplayBusy } from './replay-readers.ts';
import type { Stretch } from './stretch.ts';

export interface LogPageQuery {
  readonly epoch: string;
  readonly wanted: OlderWanted;
  /** Nothing up to there is shown: it was removed. */
  readonly removedThrough: number;
  readonly deadlineAt: number;
}

/** A page ends when it has looked at so much of the log, however little of it was its channel's; the next goes on from there. */
const maxPageBytes = 16 * 1024 * 1024;
/** How far back the first look goes; further with each that finds too little. */
const firstSpan = 1_000;
const maxSpan = 64_000;
const smallestSpan = 1;

/** The channel's publications after a position, up to where the ring begins, as the log has them. @throws BusError, ReplayBusy */
export async function logPage(replay: LaneReplay, channel: RingChannel, query: LogPageQuery): Promise<OlderPage> {
  const { epoch, wanted, removedThrough, deadlineAt } = query;
  const { since, limit, ringBegin: until } = wanted;
  let found: StoredPublication[] = [];
  let at = Math.max(since ?? 0, removedThrough);
  let missingThrough = 0;
  let bytes = 0;
  while (found.length < limit && at < until && bytes < maxPageBytes && performance.now() < deadlineAt) {
    const stretch = await replay.stretch(epoch, at, at + 1, until, deadlineAt);
    const { begin } = stretch;
    if (begin > at) {
      // What lay before isn't in the log any more; what was found before that stands, and ends here.
      if (found.length > 0) break;
      missingThrough = begin;
      at = begin;
    }
    if (stretch.through <= at) break;
    const part = collect(stretch, channel, at, until, limit - found.length);
    found = part.isRemoved ? part.publications : [...found, ...part.publications];
    at = found.length >= limit ? (found.at(-1)?.offset ?? at) : Math.min(stretch.through, until);
    bytes += stretch.bytes;
  }
  const more = at < until;
  return { tier: 'log', epoch, through: at, since, limit, publications: found, more, resumeAt: at, missingThrough };
}

/** The channel's publications before a position, newest first. @throws BusError, ReplayBusy */
export async function logPageBackward(
  replay: LaneReplay,
  channel: RingChannel,
  query: LogPageQuery,
): Promise<OlderPage> {
  const { epoch, wanted, removedThrough, deadlineAt } = query;
  const { since, limit, ringBegin } = wanted;
  const found: StoredPublication[] = [];
  /** All from here on was looked at. */
  let at = Math.min(since ?? Infinity, ringBegin + 1);
  const newest = at - 1;
  let span = firstSpan;
  let bytes = 0;
  let isEnd = at - 1 <= removedThrough;
  while (!isEnd && found.length < limit && bytes < maxPageBytes && performance.now() < deadlineAt) {
    const from = Math.max(removedThrough, at - 1 - span, 0);
    const stretch = await replay.stretch(epoch, from, at - 1, at - 1, deadlineAt);
    bytes += stretch.bytes;
    if (stretch.through < at - 1) {
      // More than is read at a time: less of it.
      if (span === smallestSpan) break;
      span = Math.max(smallestSpan, Math.floor(span / 4));
      continue;
    }
    const { publications, isRemoved } = collect(stretch, channel, from, at - 1, Infinity);
    found.push(...publications.reverse());
    at = from + 1;
    isEnd = isRemoved || from <= removedThrough || stretch.begin > from;
    span = Math.min(maxSpan, span * 2);
  }
  const publications = found.slice(0, limit);
  const isCut = publications.length < found.length;
  const resumeAt = isCut ? (publications.at(-1)?.offset ?? at) : at;
  const more = isCut || !isEnd;
  return { tier: 'log', epoch, through: newest, since, limit, publications, more, resumeAt, missingThrough: 0 };
}

interface Part {
  readonly publications: StoredPublication[];
  /** What came before them was removed. */
  readonly isRemoved: boolean;
}

/** @throws ReplayBusy */
function collect(stretch: Stretch, channel: RingChannel, after: number, through: number, most: number): Part {
  // Others needed the memory in the meantime.
  if (!stretch.ring.reaches(Math.max(after, stretch.begin))) throw new ReplayBusy();
  let publications: StoredPublication[] = [];
  let isRemoved = false;
  stretch.ring.walk(channel, after, {
    publication: (cursor, { publishTimeMs }) => {
      if (cursor.offset > through) return false;
      publications.push(stored(cursor, publishTimeMs));
      return publications.length < most;
    },
    removal: (offset) => {
      if (offset > through) return false;
      publications = [];
      isRemoved = true;
      return true;
    },
  });
  return { publications, isRemoved };
}

/** Its data is a view of an entry that stays. */
function stored(cursor: PublicationCursor, timeMs: number): StoredPublication {
  const data = cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd);
  return { offset: cursor.offset, timeMs, data, properties: new Map(cursor.properties()) };
}
