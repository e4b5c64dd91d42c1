import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch, Question } from '@pharos/history';
import {
  brief,
  briefly,
  type HistoryUnderTest,
  limits,
  newLane,
  publication,
  recover,
  TestClock,
  uniqueLane,
  write,
} from './harness.ts';

/** Appending and rebuilding: the watermark, duplicates, order. */
export function writeTests(adapter: () => HistoryUnderTest): void {
  const clock = new TestClock();
  const store = (): ReturnType<HistoryUnderTest['newStore']> => adapter().newStore({ now: clock.now });

  test('a lane that nobody built takes nothing and recovers nobody', async () => {
    const history = store();
    const lane = uniqueLane();
    const batch = { previous: 0, watermark: 1, entries: [publication(clock, 1, 'a')] };
    assert.deepEqual(await history.append(lane, batch), { written: false, watermark: undefined });
    assert.equal(await history.state(lane), undefined);
    assert.equal(await history.tidy(lane), undefined);
    assert.equal(await history.history(lane, 'a', { limits }), undefined);
    assert.deepEqual(await recover(history, lane, 'a', 0), {
      recovered: false,
      reason: 'no-lane',
      watermark: 0,
      floor: 0,
    });
  });

  test('a batch is taken at its watermark only, as a whole or not at all', async () => {
    const history = store();
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 3, 'a')], { previous: 0, watermark: 5 });
    assert.deepEqual(await history.state(lane), { watermark: 5, floor: 0 });
    for (const previous of [0, 4, 6]) {
      const batch = { previous, watermark: 9, entries: [publication(clock, 8, 'a')] };
      assert.deepEqual(await history.append(lane, batch), { written: false, watermark: 5 });
    }
    assert.deepEqual(await briefly(history, lane, 'a', 0), [3]);
    const nothing = await history.append(lane, { previous: 5, watermark: 20, entries: [] });
    assert.deepEqual(nothing, { written: true, duplicates: 0, watermark: 20, floor: 0 });
  });

  test('what the lane has already is left out, and the watermark never falls', async () => {
    const history = store();
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 1, 'a'), publication(clock, 2, 'b')]);
    const again = [1, 2, 3].map((offset) => publication(clock, offset, 'a', { data: Buffer.from('again') }));
    const outcome = await history.append(lane, { previous: 2, watermark: 3, entries: again });
    assert.deepEqual(outcome, { written: true, duplicates: 2, watermark: 3, floor: 0 });
    const answer = await recover(history, lane, 'a', 0);
    assert.ok(answer.recovered);
    assert.deepEqual(
      answer.publications.map(({ data }) => data.toString()),
      ['m1', 'again'],
    );
    const old = { previous: 3, watermark: 2, entries: [publication(clock, 2, 'a')] };
    assert.deepEqual(await history.append(lane, old), { written: true, duplicates: 1, watermark: 3, floor: 0 });
  });

  test('of two writers at one place one writes, the other is told where the lane is', async () => {
    const [one, two] = [store(), store()];
    const lane = await newLane(one);
    const batch = { previous: 0, watermark: 2, entries: [publication(clock, 2, 'a')] };
    const outcomes = await Promise.all([one.append(lane, batch), two.append(lane, batch)]);
    assert.deepEqual(new Set(outcomes.map(({ written }) => written)), new Set([false, true]));
    assert.deepEqual(
      outcomes.map(({ watermark }) => watermark),
      [2, 2],
    );
    assert.deepEqual(await briefly(two, lane, 'a', 0), [2]);
  });

  test('batches may follow each other without waiting; where one is refused so are those after it', async () => {
    const history = store();
    const lane = await newLane(history);
    const one = (previous: number): Batch => {
      return { previous, watermark: previous + 1, entries: [publication(clock, previous + 1, 'a')] };
    };
    const following = await Promise.all([0, 1, 2].map((previous) => history.append(lane, one(previous))));
    assert.deepEqual(
      following.map(({ written }) => written),
      [true, true, true],
    );
    const refused = await Promise.all([4, 5, 6].map((previous) => history.append(lane, one(previous))));
    assert.deepEqual(
      refused,
      [4, 5, 6].map(() => ({ written: false, watermark: 3 })),
    );
  });

  test('a rebuild replaces the watermark that it names, and with it all that the lane had', async () => {
    const history = store();
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 5, 'a'), publication(clock, 6, 'b')], { previous: 0 });
    assert.deepEqual(await history.rebuild(lane, 2, 5), { written: false, watermark: 6 });
    assert.deepEqual(await history.rebuild(lane, 2, undefined), { written: false, watermark: 6 });
    assert.deepEqual(await history.rebuild(lane, 2, 6), { written: true, duplicates: 0, watermark: 2, floor: 2 });
    assert.deepEqual(await briefly(history, lane, 'a', 2), [], 'nothing of before is left');
    // Lower than what the channel had before, as after a rebuild from an earlier place.
    await write(history, lane, [publication(clock, 4, 'a')], { previous: 2 });
    assert.deepEqual(await briefly(history, lane, 'a', 2), [4]);
    assert.deepEqual(await briefly(history, lane, 'a', 1), 'floor');
  });

  test('a writer for other namespaces than the lane has is refused; who is told so is none of a namespace that it lacks', async () => {
    const history = store();
    const lane = uniqueLane();
    await history.rebuild(lane, 0, undefined, ['a', 'b']);
    const batch = (previous: number, before: readonly string[], after = before): Batch => {
      const entries = [publication(clock, previous + 1, 'a:1')];
      return { previous, watermark: previous + 1, entries, namespaces: { before, after } };
    };
    assert.equal((await history.append(lane, batch(0, ['a', 'b']))).written, true);
    for (const others of [['a'], ['a', 'b', 'c'], []]) {
      assert.deepEqual(await history.append(lane, batch(1, others)), { written: false, watermark: 1 });
    }
    const answers = async (): Promise<unknown[]> => {
      const question = (namespace?: string): Question =>
        namespace === undefined
          ? { channel: 'a:1', offset: 0, limits }
          : { channel: 'a:1', offset: 0, limits, namespace };
      const asked = await history.recoverMany(lane, [question(), ...['a', 'b', 'c'].map(question)]);
      const pages = ['a', 'b', 'c'].map((namespace) => history.history(lane, 'a:1', { limits, namespace }));
      return [...asked.map(brief), (await Promise.all(pages)).map((page) => page?.watermark)];
    };
    assert.deepEqual(await answers(), [[1], [1], [1], 'no-lane', [1, 1, undefined]]);
    assert.equal((await history.append(lane, batch(1, ['a', 'b'], ['a']))).written, true);
    assert.deepEqual(await history.state(lane), { watermark: 2, floor: 0, namespaces: ['a'] });
    assert.deepEqual(await answers(), [[1, 2], [1, 2], 'no-lane', 'no-lane', [2, undefined, undefined]]);
    await history.rebuild(lane, 0, 2);
    assert.deepEqual(await history.state(lane), { watermark: 0, floor: 0 });
    assert.deepEqual(await history.append(lane, batch(0, ['a'])), { written: false, watermark: 0 });
  });

  test('everything lost: the writer learns it, and after its rebuild old offsets are refused', async () => {
    const history = store();
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 50, 'a')], { previous: 0 });
    await adapter().flush();
    const batch = { previous: 50, watermark: 51, entries: [publication(clock, 51, 'a')] };
    assert.deepEqual(await history.append(lane, batch), { written: false, watermark: undefined });
    assert.deepEqual(await briefly(history, lane, 'a', 40), 'no-lane');
    await history.rebuild(lane, 49, undefined);
    await write(
      history,
      lane,
      [50, 51].map((offset) => publication(clock, offset, 'a')),
    );
    assert.deepEqual(await briefly(history, lane, 'a', 49), [50, 51]);
    assert.deepEqual(await briefly(history, lane, 'a', 48), 'floor');
  });

  test('writes rolled back: the writer learns from where to write again', async () => {
    const history = store();
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 1, 'a'), publication(clock, 2, 'b')]);
    const rollBack = await adapter().snapshot();
    await write(history, lane, [publication(clock, 3, 'a'), publication(clock, 4, 'b')]);
    await rollBack();
    const next = { previous: 4, watermark: 5, entries: [publication(clock, 5, 'a')] };
    assert.deepEqual(await history.append(lane, next), { written: false, watermark: 2 });
    await write(history, lane, [publication(clock, 3, 'a'), publication(clock, 4, 'b'), publication(clock, 5, 'a')]);
    assert.deepEqual(await briefly(history, lane, 'a', 0), [1, 3, 5]);
  });

  test('the position is that of the watermark, or none', async () => {
    const history = store();
    const lane = await newLane(history);
    const append = async (previous: number, watermark: number, position?: string): Promise<string | undefined> => {
      await write(history, lane, [], { previous, watermark, ...(position === undefined ? {} : { position }) });
      return (await history.state(lane))?.position;
    };
    assert.deepEqual(await history.state(lane), { watermark: 0, floor: 0 });
    assert.equal(await append(0, 3, '7:1'), '7:1');
    assert.equal(await append(3, 3), '7:1', 'still of the same watermark');
    assert.equal(await append(3, 2, '7:0'), '7:1', 'a watermark never falls');
    assert.equal(await append(3, 3, '8:0'), '8:0');
    assert.deepEqual(await history.append(lane, { previous: 2, watermark: 9, entries: [], position: '9:9' }), {
      written: false,
      watermark: 3,
    });
    assert.deepEqual(await history.state(lane), { watermark: 3, floor: 0, position: '8:0' });
    assert.equal(await append(3, 4), undefined, 'where 4 lies nobody said');
    assert.equal(await append(4, 5, '8:2'), '8:2');
    const rollBack = await adapter().snapshot();
    assert.equal(await append(5, 6, '8:3'), '8:3');
    await rollBack();
    assert.deepEqual(await history.state(lane), { watermark: 5, floor: 0, position: '8:2' });
    assert.equal((await history.rebuild(lane, 9, 5)).written, true);
    assert.deepEqual(await history.state(lane), { watermark: 9, floor: 9 });
  });

  test('lanes and lives of a log are apart', async () => {
    const history = store();
    const lane = await newLane(history);
    const others = [
      { ...lane, lane: 1 },
      { ...lane, epoch: 'e2.4' },
      { ...lane, log: `${lane.log}x` },
    ];
    for (const other of others) await history.rebuild(other, 0, undefined);
    await write(history, lane, [publication(clock, 1, 'a')]);
    for (const other of others) assert.deepEqual(await briefly(history, other, 'a', 0), []);
  });

  test('a batch that makes no sense is refused by name, and nothing of it is written', async () => {
    const history = store();
    const lane = await newLane(history);
    const wrong: [Partial<Batch>, RegExp][] = [
      [{ entries: [publication(clock, 2, 'a'), publication(clock, 2, 'b')] }, /offset 2 comes after 2/],
      [{ entries: [publication(clock, 10, 'a')] }, /offset 10 is above the watermark 9/],
      [{ entries: [publication(clock, 1.5, 'a')] }, /an offset is 1.5/],
      [{ previous: -1 }, /previous watermark is -1/],
      [{ floor: 10 }, /floor 10 is above the watermark 9/],
      [{ position: '' }, /position has 0 characters/],
      [{ position: 'x'.repeat(201) }, /position has 201 characters/],
      [{ entries: [publication(clock, 1, 'a', { limits: { ...limits, ttlMs: 0 } })] }, /ttlMs is 0/],
      [{ entries: [publication(clock, 1, 'a', { limits: { ...limits, metaTtlMs: 1 } })] }, /metaTtlMs is 1/],
    ];
    for (const [batch, message] of wrong) {
      const whole = { previous: 0, watermark: 9, entries: [], ...batch };
      await assert.rejects(history.append(lane, whole), { name: 'HistoryError', code: 'invalid', message });
    }
    assert.deepEqual(await history.state(lane), { watermark: 0, floor: 0 });
    await assert.rejects(recover(history, lane, 'a', -1), { code: 'invalid' });
    await assert.rejects(history.history(lane, 'a', { limit: -1, limits }), {
      code: 'invalid',
      message: /limit is -1/,
    });
  });

  test('a store that was closed says so', async () => {
    const history = store();
    const lane = await newLane(history);
    await history.close();
    await assert.rejects(recover(history, lane, 'a', 0), { code: 'closed' });
    await assert.rejects(history.append(lane, { previous: 0, watermark: 0, entries: [] }), { code: 'closed' });
  });
}
