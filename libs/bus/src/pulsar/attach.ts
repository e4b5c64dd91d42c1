import type { Entry } from '@pharos/pulsar-client';
import { Deferred } from '@pharos/lifecycle';
import { BusError } from '../errors.ts';
import type { TailStart } from '../port.ts';
import type { LastEntry } from './continuity.ts';
import type { EntryStream, StreamStart } from './entry-stream.ts';
import { type EntryPosition, parsePosition } from './position.ts';

export interface AttachParts {
  /** For errors. */
  readonly topic: string;
  readonly open: (start: StreamStart) => Promise<EntryStream>;
  /** Appends a mark to the lane and says where it lies. */
  readonly appendMarker: () => Promise<EntryPosition>;
  /** When to give up, on the clock of `performance.now()`. */
  readonly deadlineAt: number;
}

/** A stream that was opened where a tail begins, and what the tail begins after. */
export interface Attached {
  readonly stream: EntryStream;
  readonly last: LastEntry;
  readonly indexed: boolean;
  /** Publish time of the entry at the lane's head, where it was read. */
  readonly headTimeMs?: number;
  /** Newest offset of the lane, where the tail begins before it. */
  readonly newest?: number;
}

/**
 * How long the entry at the lane's end may take to come before a mark is appended to have something that must come.
 * Longer than the broker's default failover delay of 1 s; retention that took the entry is the only other reason.
 */
const graceMs = 1500;

/** The broker's clock decides what is recent; where this one's is so far off, no time is saved by asking it first. */
const maxClockSkewMs = 10_000;

const beginning = { ledgerId: -1n, entryId: -1n };

/** Finds where a tail begins. @throws BusError `unreachable`, `position-gone` and what the parts throw */
export function attachLane(parts: AttachParts, start: TailStart): Promise<Attached> {
  if (start.at === 'head') return attachHead(parts);
  if (start.at === 'earliest') return attachEarliest(parts);
  if (start.at === 'recent') return attachRecent(parts, start.maxAgeMs);
  return attachAfter(parts, start);
}

async function attachHead(parts: AttachParts): Promise<Attached> {
  const newest = await newestEntry(parts);
  if (newest !== undefined) {
    const stream = await parts.open({ at: 'entry', ...newest });
    const attached = await closeOnError(stream, async () => {
      const entry = await firstEntry(stream, Math.min(graceMs, left(parts)));
      // Without an index the entry may be older than the broker's interceptors: a new one tells.
      return entry === undefined || indexOf(entry) === 0 ? undefined : headAt(stream, entry, newest);
    });
    if (attached !== undefined) return attached;
    await stream.close();
  }
  const marker = await markerEntry(parts);
  const stream = await parts.open({ at: 'entry', ledgerId: marker.ledgerId, entryId: marker.entryId });
  return closeOnError(stream, async () => headAt(stream, await mustRead(parts, stream), marker));
}

/** Appends a mark and says where it lies, or what lies behind it. */
async function markerEntry(parts: AttachParts): Promise<EntryPosition> {
  const marker = await parts.appendMarker();
  if (marker.ledgerId >= 0n) return marker;
  // It was sent twice, over a lost connection, and the broker only says that it has it.
  const newest = await newestEntry(parts);
  if (newest !== undefined) return newest;
  throw new BusError('unreachable', `'${parts.topic}' has a mark just appended, and says that it is empty`);
}

/** The lane's head where `entry` was the first to come when the stream was opened at `position`. */
function headAt(stream: EntryStream, entry: Entry, position: EntryPosition): Attached {
  const first = indexOf(entry);
  const indexed = first > 0;
  const headTimeMs = entry.brokerEntry?.brokerTimestampMs ?? entry.metadata.publishTime;
  if (compare(entry, position) === 0) {
    const last = lastEntry(stream, entry, indexed ? first + entry.count - 1 : 0);
    return { stream, last, indexed, headTimeMs };
  }
  // What lay there is no message (a mark of the broker's) or gone: the lane goes on with this one.
  stream.putBack(entry);
  return { stream, last: { ...position, head: indexed ? first - 1 : 0, session: -1 }, indexed, headTimeMs };
}

/** The head is found first: what is read from further back has then to reach it. */
async function attachRecent(parts: AttachParts, maxAgeMs: number): Promise<Attached> {
  const head = await attachHead(parts);
  const isOld = (head.headTimeMs ?? 0) < Date.now() - maxAgeMs - maxClockSkewMs;
  if (!head.indexed || isOld) return head;
  return closeOnError(head.stream, async () => {
    const recent = await openRecent(parts, maxAgeMs, head.last.head);
    if (recent !== undefined) await head.stream.close();
    return recent ?? head;
  });
}

/** `undefined` where the broker finds nothing so young. */
async function openRecent(parts: AttachParts, maxAgeMs: number, newest: number): Promise<Attached | undefined> {
  const stream = await parts.open({ at: 'recent', maxAgeMs });
  const entry = await closeOnError(stream, () => firstEntry(stream, Math.min(graceMs, left(parts))));
  const first = entry === undefined ? 0 : indexOf(entry);
  if (entry === undefined || first === 0) {
    await stream.close();
    return undefined;
  }
  stream.putBack(entry);
  const { ledgerId, entryId } = entry.messageId;
  // Read again after a loss, the lane must not begin with all that is kept.
  return { stream, last: { ledgerId, entryId: entryId - 1n, head: first - 1, session: -1 }, indexed: true, newest };
}

async function attachEarliest(parts: AttachParts): Promise<Attached> {
  const stream = await parts.open({ at: 'earliest' });
  return closeOnError(stream, async () => {
    const entry = await readOrMark(parts, stream);
    stream.putBack(entry);
    const first = indexOf(entry);
    return { stream, last: { ...beginning, head: Math.max(0, first - 1), session: -1 }, indexed: first > 0 };
  });
}

async function attachAfter(
  parts: AttachParts,
  start: { readonly position: string; readonly offset: number },
): Promise<Attached> {
  const position = start.position === '' ? beginning : parsePosition(start.position);
  const stream = await parts.open(
    start.position === ''
      ? { at: 'earliest' }
      : { at: 'entry', ledgerId: position.ledgerId, entryId: position.entryId },
  );
  return closeOnError(stream, async () => {
    const entry = await readOrMark(parts, stream);
    const first = indexOf(entry);
    const order = compare(entry, position);
    const lastOffset = first + entry.count - 1;
    const fits = order === 0 ? first <= start.offset && start.offset <= lastOffset : first === start.offset + 1;
    if (order < 0 || (first > 0 && !fits)) throw positionGone(parts.topic, start, first);
    if (order !== 0 || lastOffset > start.offset) stream.putBack(entry);
    const last =
      order === 0 && first > 0 && lastOffset === start.offset
        ? lastEntry(stream, entry, start.offset)
        : { ledgerId: position.ledgerId, entryId: position.entryId, head: start.offset, session: -1 };
    return { stream, last, indexed: first > 0 };
  });
}

function positionGone(
  topic: string,
  start: { readonly position: string; readonly offset: number },
  first: number,
): BusError {
  return new BusError(
    'position-gone',
    `offset ${start.offset} at position '${start.position}' of '${topic}' is not kept: the log goes on with offset ${first}`,
  );
}

/** The lane's newest entry; `undefined` for an empty lane. Only a consumer may ask for it, so one is made and closed. */
async function newestEntry(parts: AttachParts): Promise<EntryPosition | undefined> {
  const probe = await parts.open({ at: 'latest' });
  try {
    return await probe.newest();
  } finally {
    await probe.close();
  }
}

/** The first entry of a stream; where there is nothing to read, that of a mark that is appended to have one. */
async function readOrMark(parts: AttachParts, stream: EntryStream): Promise<Entry> {
  const empty = (await stream.newest()) === undefined;
  const entry = empty ? stream.take() : await firstEntry(stream, Math.min(graceMs, left(parts)));
  if (entry !== undefined) return entry;
  await parts.appendMarker();
  return mustRead(parts, stream);
}

async function mustRead(parts: AttachParts, stream: EntryStream): Promise<Entry> {
  const entry = await firstEntry(stream, left(parts));
  if (entry !== undefined) return entry;
  throw new BusError('unreachable', `'${parts.topic}' gave nothing to read in time, not even a mark just appended`);
}

/** Waits for an entry, at most `timeoutMs`. */
async function firstEntry(stream: EntryStream, timeoutMs: number): Promise<Entry | undefined> {
  const arrived = new Deferred();
  // The stream may end when nobody waits here any more; whoever listens then is told.
  arrived.promise.catch(() => undefined);
  stream.listen({
    readable: () => arrived.resolve(),
    ended: (error) => arrived.reject(error),
  });
  if (stream.end !== undefined) throw stream.end;
  if (stream.readable) return stream.take();
  const timer = setTimeout(() => arrived.resolve(), timeoutMs);
  try {
    await arrived.promise;
  } finally {
    clearTimeout(timer);
  }
  return stream.take();
}

async function closeOnError<T>(stream: EntryStream, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await stream.close();
    throw error;
  }
}

function left(parts: AttachParts): number {
  return Math.max(0, parts.deadlineAt - performance.now());
}

function lastEntry(stream: EntryStream, entry: Entry, head: number): LastEntry {
  const { ledgerId, entryId } = entry.messageId;
  return { ledgerId, entryId, head, session: stream.session };
}

function compare(entry: Entry, position: EntryPosition): number {
  const { ledgerId, entryId } = entry.messageId;
  if (ledgerId !== position.ledgerId) return ledgerId < position.ledgerId ? -1 : 1;
  return entryId === position.entryId ? 0 : entryId < position.entryId ? -1 : 1;
}

/** Offset of an entry's first publication; 0 where the broker gave no index, which is that of the entry's last message. */
export function indexOf(entry: Entry): number {
  return entry.brokerEntry === undefined ? 0 : entry.brokerEntry.index - entry.count + 2;
}
