import { BusError, type LaneGroup, type LaneTail, type Log, type TailHandler, type TailStart } from '@pharos/bus';
import { type Batch, HistoryError, type HistoryStore, type LaneId, type WriteOutcome } from '@pharos/history';

import type { LaneFeed } from './lane-feed.ts';

export interface StartParts {
  readonly log: Log;
  readonly lane: LaneId;
  readonly group: LaneGroup;
  readonly store: HistoryStore;
  /** Those whose publications this writer brings over. */
  readonly namespaces: readonly string[];
}

/** `empty`: the store had nothing; `beyond`: it stood behind the end of the log; `namespaces`: it lacks some that are to have history now. */
type Rebuilt = 'empty' | 'beyond' | 'namespaces';

/** Where a lane's writer begins. */
export interface LaneStart {
  readonly tail: LaneTail;
  readonly watermark: number;
  /** So many messages of the log were gone before they could be brought over. */
  readonly lost: number;
  /** Why the lane was begun anew, where it was. */
  readonly rebuilt?: Rebuilt;
  /** Whether the misplaced messages of an entry were brought to their lanes long ago. */
  readonly isDone: (position: string) => boolean;
}

const nobodyListens: TailHandler = { entry: () => undefined };

/**
 * Begins where the store stands. Without a state at the oldest message that the log has; where the log goes on later than the store stands,
 * there, with what lies between as lost. From the oldest message too where a namespace is to have history that had none: who was there before
 * would be told that nothing was missed.
 *
 * @throws BusError, HistoryError
 */
export async function startLane(parts: StartParts, feed: LaneFeed): Promise<LaneStart> {
  const { store, lane, namespaces } = parts;
  const state = await store.state(lane);
  if (state === undefined) return rebuild(parts, feed, undefined, 'empty');
  const { watermark, namespaces: before } = state;
  if (before === undefined || namespaces.some((name) => !before.includes(name))) {
    return rebuild(parts, feed, watermark, 'namespaces');
  }
  if (before.length > namespaces.length) {
    // Before anything of theirs is passed over.
    const fewer = { previous: watermark, watermark, entries: [], namespaces: { before, after: namespaces } };
    mustBeWritten(await store.append(lane, fewer));
  }
  try {
    const { tail } = await attach(parts, feed, { at: 'after', position: state.position ?? '', offset: watermark });
    return { tail, watermark, lost: 0, isDone: () => false };
  } catch (error) {
    if (!(error instanceof BusError) || error.code !== 'position-gone') throw error;
  }
  if ((await headOf(parts)) < watermark) return rebuild(parts, feed, watermark, 'beyond');
  const { tail, head } = await attach(parts, feed, { at: 'earliest' });
  if (head <= watermark) return { tail, watermark, lost: 0, isDone: () => false };
  // At once: until then nobody could be told what is the matter, and the next message may be long in coming.
  const raise = { previous: watermark, watermark: head, floor: head, entries: [], namespaces: keeps(namespaces) };
  await closeOnError(tail, async () => mustBeWritten(await store.append(lane, raise)));
  return { tail, watermark: head, lost: head - watermark, isDone: () => false };
}

/**
 * The log may be read from its beginning, long after its misplaced messages were brought to their lanes and so long that the log has forgotten
 * that; what is acknowledged has been.
 */
async function rebuild(
  parts: StartParts,
  feed: LaneFeed,
  previous: number | undefined,
  rebuilt: Rebuilt,
): Promise<LaneStart> {
  const { store, lane, log, group, namespaces } = parts;
  const { tail, head } = await attach(parts, feed, { at: 'earliest' });
  return closeOnError(tail, async () => {
    const isDone = log.lanes > 1 ? await group.acknowledged(lane.lane) : () => false;
    mustBeWritten(await store.rebuild(lane, head, previous, namespaces));
    return { tail, watermark: head, lost: 0, rebuilt, isDone };
  });
}

async function closeOnError<T>(tail: LaneTail, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await tail.close();
    throw error;
  }
}

/** For a batch that changes nothing in that. */
export function keeps(namespaces: readonly string[]): NonNullable<Batch['namespaces']> {
  return { before: namespaces, after: namespaces };
}

/** Else another process was faster, or the store has its memory back. */
function mustBeWritten(outcome: WriteOutcome): void {
  if (!outcome.written) throw new HistoryError('failed', 'another writer has begun the lane', { retryable: true });
}

/** A tail, and what it begins after: its own head moves on with what comes. */
async function attach(
  { log, lane }: StartParts,
  feed: LaneFeed,
  start: TailStart,
): Promise<{ readonly tail: LaneTail; readonly head: number }> {
  const tail = await log.attach(lane.lane, feed, start);
  const { head, indexed } = tail;
  if (indexed) return { tail, head };
  await tail.close();
  throw new BusError('refused', `lane ${lane.lane} of '${lane.log}' has no offsets: its history can't be kept`);
}

/** Offset of the lane's newest message. */
async function headOf({ log, lane }: StartParts): Promise<number> {
  const tail = await log.attach(lane.lane, nobodyListens, { at: 'head' });
  await tail.close();
  return tail.head;
}
