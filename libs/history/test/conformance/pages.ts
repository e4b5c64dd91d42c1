import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryPage, HistoryQuery, HistoryStore, LaneId } from '@pharos/history';
import { type HistoryUnderTest, limits, newLane, publication, TestClock, write } from './harness.ts';

/** Pages of history, both ways. */
export function pageTests(adapter: () => HistoryUnderTest): void {
  async function page(
    store: HistoryStore,
    lane: LaneId,
    query: Partial<HistoryQuery> = {},
    channel = 'a',
  ): Promise<HistoryPage> {
    const found = await store.history(lane, channel, { limits, ...query });
    assert.ok(found !== undefined);
    return found;
  }

  function brief(of: HistoryPage): [number[], number | undefined] {
    return [of.publications.map(({ offset }) => offset), of.next];
  }

  test('forward and backward, from the end or from a position, page by page', async () => {
    const clock = new TestClock();
    const store = adapter().newStore({ now: clock.now });
    const lane = await newLane(store);
    const entries = [10, 20, 30, 40, 50].map((offset) => publication(clock, offset, 'a'));
    await write(store, lane, entries, { previous: 0, watermark: 55 });
    const cases: [Partial<HistoryQuery>, [number[], number | undefined]][] = [
      [{}, [[10, 20, 30, 40, 50], undefined]],
      [{ limit: 2 }, [[10, 20], 20]],
      [{ limit: 2, since: 20 }, [[30, 40], 40]],
      [{ limit: 2, since: 40 }, [[50], undefined]],
      [{ limit: 2, since: 0 }, [[10, 20], 20]],
      [{ limit: 5 }, [[10, 20, 30, 40, 50], undefined]],
      [{ since: 25 }, [[30, 40, 50], undefined]],
      [{ since: 50 }, [[], undefined]],
      [{ since: 99 }, [[], undefined]],
      [{ limit: 0 }, [[], undefined]],
      [{ reverse: true }, [[50, 40, 30, 20, 10], undefined]],
      [{ reverse: true, limit: 2 }, [[50, 40], 40]],
      [{ reverse: true, limit: 2, since: 40 }, [[30, 20], 20]],
      [{ reverse: true, limit: 2, since: 20 }, [[10], undefined]],
      [{ reverse: true, since: 25 }, [[20, 10], undefined]],
      [{ reverse: true, since: 99 }, [[50, 40, 30, 20, 10], undefined]],
      [{ reverse: true, since: 10 }, [[], undefined]],
      [{ reverse: true, since: 0 }, [[], undefined]],
      [{ reverse: true, limit: 0 }, [[], undefined]],
    ];
    for (const [query, expected] of cases) {
      const found = await page(store, lane, query);
      assert.deepEqual(brief(found), expected, JSON.stringify(query));
      const { watermark, floor, top, missingThrough } = found;
      assert.deepEqual(
        { watermark, floor, top, missingThrough },
        { watermark: 55, floor: 0, top: 50, missingThrough: 0 },
      );
    }
    const first = await page(store, lane, { limit: 1 });
    assert.deepEqual(first.publications, [
      { offset: 10, timeMs: clock.nowMs, data: Buffer.from('m10'), properties: new Map() },
    ]);
  });

  test('long histories, over many reads of the store', async () => {
    const clock = new TestClock();
    const store = adapter().newStore({ now: clock.now });
    const lane = await newLane(store);
    const wide = { ...limits, size: 1_000 };
    const offsets = Array.from({ length: 300 }, (_value, index) => index + 1);
    // A third of them is too old by the time they are read.
    const entries = offsets.map((offset) =>
      publication(clock, offset, 'a', { limits: wide, timeMs: clock.nowMs - (offset <= 100 ? 1_000 : 0) }),
    );
    await write(store, lane, entries);
    const young = { ...wide, ttlMs: 999 };
    const all = offsets.slice(100);
    assert.deepEqual(brief(await page(store, lane, { limits: young })), [all, undefined]);
    assert.deepEqual(brief(await page(store, lane, { limits: young, reverse: true })), [all.toReversed(), undefined]);
    assert.equal((await page(store, lane, { limits: young, limit: 0 })).missingThrough, 100);
    const few = { ...young, size: 50 };
    assert.deepEqual(brief(await page(store, lane, { limits: few })), [all.slice(-50), undefined]);
    assert.equal((await page(store, lane, { limits: few })).missingThrough, 250);
    assert.deepEqual(brief(await page(store, lane, { limits: few, limit: 10, since: 5 }))[0], all.slice(-50, -40));
    const none = await page(store, lane, { limits: { ...few, size: 0 } });
    assert.deepEqual([none.publications, none.missingThrough, none.top], [[], 300, 300]);
  });

  test('what is not shown is told: trimmed, removed, or below the floor', async () => {
    const clock = new TestClock();
    const store = adapter().newStore({ now: clock.now });
    const lane = await newLane(store);
    const two = { ...limits, size: 2 };
    await write(
      store,
      lane,
      [3, 4, 5].map((offset) => publication(clock, offset, 'a', { limits: two })),
      { previous: 0 },
    );
    assert.equal((await page(store, lane)).missingThrough, 3);
    await write(store, lane, [{ kind: 'remove', channel: 'a', offset: 6 }]);
    const removed = await page(store, lane);
    assert.deepEqual([removed.publications, removed.missingThrough, removed.top], [[], 5, 5]);
    assert.deepEqual([removed.removedThrough, (await page(store, lane, {}, 'other')).removedThrough], [6, 0]);
    await write(store, lane, [publication(clock, 9, 'a')], { previous: 6, floor: 8 });
    const found = await page(store, lane);
    assert.deepEqual([brief(found), found.missingThrough, found.floor], [[[9], undefined], 8, 8]);
    const unknown = await page(store, lane, {}, 'b');
    assert.deepEqual([unknown.publications, unknown.missingThrough, unknown.top], [[], 8, 0]);
  });

  test('a removal is remembered when its channel is forgotten, and of a channel that was never there', async () => {
    const clock = new TestClock();
    const store = adapter().newStore({ now: clock.now });
    const lane = await newLane(store);
    const entries = [publication(clock, 1, 'a'), { kind: 'remove', channel: 'a', offset: 2 } as const];
    await write(store, lane, [...entries, { kind: 'remove', channel: 'never', offset: 3 }], { previous: 0 });
    clock.nowMs += limits.metaTtlMs + 1;
    const state = await store.tidy(lane);
    const [a, never] = [await page(store, lane), await page(store, lane, {}, 'never')];
    assert.deepEqual([state?.floor, a.top, a.removedThrough, never.top, never.removedThrough], [1, 0, 2, 0, 3]);
    await write(store, lane, [publication(clock, 4, 'a')], { previous: 3 });
    const again = await page(store, lane);
    assert.deepEqual([brief(again), again.top, again.removedThrough], [[[4], undefined], 4, 2]);
  });

  test('a page ends when it has enough bytes, and says where to go on', async () => {
    const clock = new TestClock();
    const store = adapter().newStore({ now: clock.now, maxReplyBytes: 1_000 });
    const lane = await newLane(store);
    const data = Buffer.alloc(600, 'x');
    await write(
      store,
      lane,
      [1, 2, 3, 4, 5].map((offset) => publication(clock, offset, 'a', { data })),
    );
    assert.deepEqual(brief(await page(store, lane)), [[1, 2], 2]);
    assert.deepEqual(brief(await page(store, lane, { since: 2 })), [[3, 4], 4]);
    assert.deepEqual(brief(await page(store, lane, { since: 4 })), [[5], undefined]);
    assert.deepEqual(brief(await page(store, lane, { reverse: true })), [[5, 4], 4]);
  });
}
