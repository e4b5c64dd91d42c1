import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Batch, HistoryStore, LaneId, NewEntry, Recovery, StoredPublication, StoreLimits } from '@pharos/history';

/** What the suite needs of an adapter under test. */
export interface HistoryUnderTest {
  /** A store with a clock of the test's own. Stores of one adapter see the same lanes. */
  newStore(options: { readonly now: () => number; readonly maxReplyBytes?: number }): HistoryStore;
  /** Everything is lost, as by FLUSHALL. */
  flush(): Promise<void>;
  /** Notes what is there now; the returned function puts everything back to that, as a fail-over that loses writes does. */
  snapshot(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A clock that stands until it is told otherwise. */
export class TestClock {
  nowMs: number = 1_700_000_000_000;
  readonly now: () => number = () => this.nowMs;
}

export function uniqueLane(lane = 0): LaneId {
  return { log: `persistent://public/default/{log}-${randomBytes(6).toString('hex')}`, epoch: 'e1.4', lane };
}

export const limits: StoreLimits = { size: 100, ttlMs: 600_000, metaTtlMs: 3_600_000 };

export function publication(
  clock: TestClock,
  offset: number,
  channel: string,
  more: Partial<Omit<StoredPublication, 'offset'>> & { readonly limits?: StoreLimits } = {},
): NewEntry {
  return {
    kind: 'publication',
    offset,
    channel,
    timeMs: more.timeMs ?? clock.nowMs,
    data: more.data ?? Buffer.from(`m${offset}`),
    properties: more.properties ?? new Map(),
    limits: more.limits ?? limits,
  };
}

/** Appends and expects that it is written; `previous` is the offset before the first entry where it isn't said. */
export async function write(
  store: HistoryStore,
  lane: LaneId,
  entries: readonly NewEntry[],
  batch: Partial<Batch> = {},
): Promise<void> {
  const previous = batch.previous ?? (entries[0]?.offset ?? 1) - 1;
  const watermark = batch.watermark ?? entries.at(-1)?.offset ?? previous;
  const outcome = await store.append(lane, { ...batch, previous, watermark, entries });
  assert.equal(outcome.written, true, JSON.stringify(outcome));
}

/** A lane that was built from its beginning, at watermark 0. */
export async function newLane(store: HistoryStore): Promise<LaneId> {
  const lane = uniqueLane();
  assert.equal((await store.rebuild(lane, 0, undefined)).written, true);
  return lane;
}

export async function recover(
  store: HistoryStore,
  lane: LaneId,
  channel: string,
  offset: number,
  of: { readonly size: number; readonly ttlMs: number } = limits,
): Promise<Recovery> {
  const [answer] = await store.recoverMany(lane, [{ channel, offset, limits: of }]);
  assert.ok(answer !== undefined);
  return answer;
}

/** Offsets of what was recovered, or the reason why it wasn't. */
export function brief(recovery: Recovery): number[] | string {
  return recovery.recovered ? recovery.publications.map(({ offset }) => offset) : recovery.reason;
}

export async function briefly(...args: Parameters<typeof recover>): Promise<number[] | string> {
  return brief(await recover(...args));
}
