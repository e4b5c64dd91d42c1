import { BusError, idempotencyKeyProperty, type LaneEntry, type LaneTail, type TailStart } from '@pharos/bus';
import { Deferred, withDeadline } from '@pharos/lifecycle';

import type { LaneMark, Place } from '../lanes/lane-watch.ts';
import type { LaneWatch } from '../lanes/lane-watch.ts';

export type ScanOutcome =
  | { readonly kind: 'found'; readonly place: Place }
  /** All that the lane had when the search began was looked at. */
  | { readonly kind: 'absent' }
  /** It was looked for up to the mark, and time is up. */
  | { readonly kind: 'unfinished'; readonly mark: LaneMark }
  /** Some of what is behind the mark isn't kept any more: it can't be told. */
  | { readonly kind: 'gone' };

/** Looks for a key behind a mark, up to where the lane ends now. @throws BusError, DeadlineExceeded */
export async function scan(
  watch: LaneWatch,
  mark: LaneMark,
  channel: string,
  key: string,
  deadlineMs: number,
): Promise<ScanOutcome> {
  const deadlineAt = performance.now() + deadlineMs;
  const life = await watch.log.living();
  // What was appended to an earlier life went with it; the search is of this one from its beginning.
  const start: TailStart =
    mark.epoch === life.epoch && mark.position !== ''
      ? { at: 'after', position: mark.position, offset: mark.offset }
      : { at: 'earliest' };
  const end = await newest(watch, deadlineAt - performance.now());
  if (start.at === 'after' && end <= mark.offset) return { kind: 'absent' };
  const outcome = new Deferred<ScanOutcome>();
  let seen: LaneMark = start.at === 'after' ? mark : { offset: 0, position: '', epoch: life.epoch };
  const look = (entry: LaneEntry): void => {
    const cursor = entry.publications();
    while (cursor.next()) {
      if (!cursor.hasProperties || cursor.properties().get(idempotencyKeyProperty) !== key) continue;
      if (cursor.channel() !== channel) continue;
      outcome.resolve({ kind: 'found', place: { offset: cursor.offset, epoch: life.epoch } });
    }
    const last = entry.firstOffset + entry.count - 1;
    seen = { offset: last, position: entry.position, epoch: life.epoch };
    if (last >= end) outcome.resolve({ kind: 'absent' });
  };
  let tail: LaneTail;
  try {
    tail = await life.attach(
      watch.lane,
      {
        entry: look,
        hole: ({ to, kind }) => {
          if (kind === 'lost') outcome.resolve({ kind: 'gone' });
          else if (to >= end) outcome.resolve({ kind: 'absent' });
        },
        ended: (error) => outcome.reject(error),
      },
      start,
    );
  } catch (error) {
    if (error instanceof BusError && error.code === 'position-gone') return { kind: 'gone' };
    throw error;
  }
  try {
    if (tail.head >= end) outcome.resolve({ kind: 'absent' });
    return await withDeadline(outcome.promise, Math.max(1, deadlineAt - performance.now()), 'the search').catch(
      (error: unknown) => {
        if (error instanceof BusError) throw error;
        return { kind: 'unfinished' as const, mark: seen };
      },
    );
  } finally {
    await tail.close();
  }
}

/** Where the lane ends now, not where it was last seen to. */
async function newest(watch: LaneWatch, deadlineMs: number): Promise<number> {
  const life = await watch.log.living();
  const tail = await withDeadline(
    life.attach(watch.lane, { entry: () => undefined }),
    deadlineMs,
    'finding the end of the lane',
  );
  await tail.close();
  return tail.newestAtAttach;
}
