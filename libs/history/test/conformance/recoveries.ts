import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exceedsLimits } from '@pharos/history';
import {
  brief,
  briefly,
  type HistoryUnderTest,
  limits,
  newLane,
  publication,
  recover,
  TestClock,
  write,
} from './harness.ts';

/** What clients missed: complete, or told why not. */
export function recoveryTests(adapter: () => HistoryUnderTest): void {
  const store = (clock: TestClock): ReturnType<HistoryUnderTest['newStore']> => adapter().newStore({ now: clock.now });

  test('publications come back as they were, in order, whatever the channel is called', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    const channels = ['}x', '{a}b', '', 'ü😀\n', 'c'.repeat(255), '__proto__'];
    const properties = new Map([
      ['pharos-user', 'ünï "q"\n'],
      ['__proto__', ''],
      ['', 'empty'],
    ]);
    const data = Buffer.from([0, 10, 13, 255, 254]);
    const entries = channels.flatMap((channel, index) => [
      publication(clock, 10 * index + 1, channel, { data, properties, timeMs: clock.nowMs - 5 }),
      publication(clock, 10 * index + 7, channel, { data: Buffer.alloc(0) }),
    ]);
    await write(history, lane, entries);
    const questions = channels.map((channel) => ({ channel, offset: 0, limits }));
    const answers = await history.recoverMany(lane, questions);
    answers.forEach((answer, index) => {
      assert.deepEqual(answer, {
        watermark: 57,
        floor: 0,
        recovered: true,
        publications: [
          { offset: 10 * index + 1, timeMs: clock.nowMs - 5, data, properties },
          { offset: 10 * index + 7, timeMs: clock.nowMs, data: Buffer.alloc(0), properties: new Map() },
        ],
      });
    });
    const after = channels.map((channel, index) => ({ channel, offset: 10 * index + 1, limits }));
    assert.deepEqual(
      (await history.recoverMany(lane, after)).map(brief),
      channels.map((_channel, index) => [10 * index + 7]),
    );
    assert.deepEqual(await history.recoverMany(lane, []), []);
  });

  test('offsets go up to 2^53', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    const high = Number.MAX_SAFE_INTEGER - 10;
    await history.rebuild(lane, high, 0);
    const small = { ...limits, size: 2 };
    const entries = [1, 2, 3].map((step) => publication(clock, high + step, 'a', { limits: small }));
    await write(history, lane, entries, { previous: high });
    assert.deepEqual(await briefly(history, lane, 'a', high + 1, small), [high + 2, high + 3]);
    assert.deepEqual(await briefly(history, lane, 'a', high, small), 'trimmed');
    assert.deepEqual(await briefly(history, lane, 'a', high - 1, small), 'floor');
    assert.deepEqual(await history.state(lane), { watermark: high + 3, floor: high });
  });

  test('a channel without publications misses nothing, from the floor on', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    await write(history, lane, [publication(clock, 9, 'a')], { previous: 0, floor: 4 });
    assert.deepEqual(await history.state(lane), { watermark: 9, floor: 4 });
    assert.deepEqual(await briefly(history, lane, 'quiet', 4), []);
    assert.deepEqual(await briefly(history, lane, 'quiet', 3), 'floor');
    assert.deepEqual(await briefly(history, lane, 'a', 3), 'floor');
    // Ahead of the store: what lies above its watermark isn't its to tell.
    assert.deepEqual(await recover(history, lane, 'a', 12), {
      watermark: 9,
      floor: 4,
      recovered: true,
      publications: [],
    });
  });

  test('beyond its size a channel is trimmed, and who needs what was trimmed is told', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    const small = { ...limits, size: 3 };
    const entries = [2, 4, 6, 8, 10].map((offset) => publication(clock, offset, 'a', { limits: small }));
    await write(history, lane, entries.slice(0, 4), { previous: 0 });
    assert.deepEqual(await briefly(history, lane, 'a', 2, small), [4, 6, 8]);
    await write(history, lane, entries.slice(4), { previous: 8 });
    // 5 lies between two publications: of what came after it all is there.
    for (const offset of [4, 5]) assert.deepEqual(await briefly(history, lane, 'a', offset, small), [6, 8, 10]);
    for (const offset of [0, 2, 3]) assert.deepEqual(await briefly(history, lane, 'a', offset, small), 'trimmed');
    assert.deepEqual(await briefly(history, lane, 'a', 4, { ...small, size: 2 }), 'too-many');
    // More in one batch than the channel may hold.
    const many = [11, 12, 13, 14, 15].map((offset) => publication(clock, offset, 'a', { limits: small }));
    await write(history, lane, many);
    assert.deepEqual(await briefly(history, lane, 'a', 12, small), [13, 14, 15]);
    assert.deepEqual(await briefly(history, lane, 'a', 11, small), 'trimmed');
  });

  test('beyond its age a publication isn’t served, and goes with the next that comes', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    const short = { ...limits, ttlMs: 60_000 };
    await write(history, lane, [publication(clock, 1, 'a', { limits: short })]);
    clock.nowMs += 60_000;
    assert.deepEqual(await briefly(history, lane, 'a', 0, short), [1], 'as old as it may be');
    await write(history, lane, [publication(clock, 2, 'a', { limits: short })]);
    clock.nowMs += 1;
    assert.deepEqual(await briefly(history, lane, 'a', 0, short), 'too-old');
    assert.deepEqual(await briefly(history, lane, 'a', 1, short), [2]);
    await write(history, lane, [publication(clock, 3, 'a', { limits: short })]);
    assert.deepEqual(await briefly(history, lane, 'a', 0), 'trimmed');
    assert.deepEqual(await briefly(history, lane, 'a', 1), [2, 3]);
    // Old when it comes, as in a rebuild from the log.
    await write(history, lane, [publication(clock, 4, 'b', { limits: short, timeMs: clock.nowMs - 60_001 })]);
    assert.deepEqual(await briefly(history, lane, 'b', 3), 'trimmed');
    assert.deepEqual(await briefly(history, lane, 'b', 4), []);
  });

  test('with size 0 nothing is kept, and what was missed is known to be', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    const none = { ...limits, size: 0 };
    await write(history, lane, [publication(clock, 1, 'a'), publication(clock, 2, 'a', { limits: none })]);
    assert.deepEqual(await briefly(history, lane, 'a', 2), []);
    for (const offset of [0, 1]) assert.deepEqual(await briefly(history, lane, 'a', offset), 'trimmed');
    await write(history, lane, [publication(clock, 3, 'a')]);
    assert.deepEqual(await briefly(history, lane, 'a', 2), [3]);
    assert.deepEqual(await briefly(history, lane, 'a', 1), 'trimmed');
  });

  test('a channel that is forgotten takes the floor of its lane with it', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    const brief = { size: 10, ttlMs: 1_000, metaTtlMs: 10_000 };
    const entries = [publication(clock, 5, 'a', { limits: brief }), publication(clock, 9, 'b')];
    await write(history, lane, entries, { previous: 0 });
    clock.nowMs += 9_999;
    await history.tidy(lane);
    assert.deepEqual(await briefly(history, lane, 'a', 4, brief), 'too-old');
    assert.deepEqual(await briefly(history, lane, 'b', 4), [9]);
    clock.nowMs += 1;
    assert.deepEqual(await history.tidy(lane), { watermark: 9, floor: 5 });
    for (const channel of ['a', 'b']) assert.deepEqual(await briefly(history, lane, channel, 4), 'floor');
    assert.deepEqual(await briefly(history, lane, 'a', 5), []);
    assert.deepEqual(await briefly(history, lane, 'b', 5), [9]);
    // An append forgets too: nobody may rely on being tidied up after.
    await write(history, lane, [publication(clock, 10, 'a', { limits: brief })]);
    clock.nowMs += 10_000;
    await write(history, lane, [publication(clock, 11, 'b')]);
    assert.deepEqual(await history.state(lane), { watermark: 11, floor: 10 });
    // Known again, from there on.
    await write(history, lane, [publication(clock, 12, 'a', { limits: brief })]);
    assert.deepEqual(await briefly(history, lane, 'a', 10, brief), [12]);
  });

  test('a removal takes what the channel has up to there, and who missed that is told', async () => {
    const clock = new TestClock();
    const history = store(clock);
    const lane = await newLane(history);
    await write(history, lane, [
      publication(clock, 1, 'a'),
      publication(clock, 2, 'b'),
      publication(clock, 3, 'a'),
      { kind: 'remove', channel: 'a', offset: 5 },
      publication(clock, 6, 'a'),
      { kind: 'remove', channel: 'never', offset: 7 },
    ]);
    for (const offset of [0, 2]) assert.deepEqual(await briefly(history, lane, 'a', offset), 'trimmed');
    for (const offset of [3, 5]) assert.deepEqual(await briefly(history, lane, 'a', offset), [6]);
    assert.deepEqual(await briefly(history, lane, 'b', 0), [2]);
    assert.deepEqual(await briefly(history, lane, 'never', 0), []);
    await write(history, lane, [{ kind: 'remove', channel: 'a', offset: 8 }], { previous: 7 });
    assert.deepEqual(await briefly(history, lane, 'a', 6), []);
    assert.deepEqual(await briefly(history, lane, 'a', 5), 'trimmed');
  });

  test('every tier judges alike', () => {
    const of = { size: 2, ttlMs: 10 };
    const at = (...times: number[]): { timeMs: number }[] => times.map((timeMs) => ({ timeMs }));
    assert.equal(exceedsLimits([], { ...of, size: 0 }, 100), undefined);
    assert.equal(exceedsLimits(at(90, 95), of, 100), undefined);
    assert.equal(exceedsLimits(at(89, 95), of, 100), 'too-old');
    assert.equal(exceedsLimits(at(95, 96, 97), of, 100), 'too-many');
  });
}
