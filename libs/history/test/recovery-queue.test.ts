import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LaneId, Question } from '@pharos/history';
import { Deferred } from '@pharos/lifecycle';
import { type AskStore, RecoveryQueue } from '../src/redis/recovery-queue.ts';
import type { Answer } from '../src/redis/replies.ts';

const limits = { size: 10, ttlMs: 1_000 };
const lane = (number: number): LaneId => ({ log: 'log', epoch: 'e', lane: number });
const question = (channel: string): Question => ({ channel, offset: 0, limits });
const answer: Answer = { watermark: 1, floor: 0, missed: [] };

/** A store that answers when it is told to. */
class SlowStore {
  readonly asked: {
    readonly lane: number;
    readonly channels: string[];
    readonly reply: Deferred<readonly Answer[]>;
  }[] = [];

  readonly ask: AskStore = (lane, questions) => {
    const reply = new Deferred<readonly Answer[]>();
    this.asked.push({ lane: lane.lane, channels: questions.map(({ channel }) => channel), reply });
    return reply.promise;
  };

  /** Answers the script of this number, all of it or only the first questions. */
  async answer(index: number, count: number = this.asked[index]?.channels.length ?? 0): Promise<void> {
    this.asked[index]?.reply.resolve(Array.from({ length: count }, () => answer));
    await turn();
  }

  get channels(): string[][] {
    return this.asked.map(({ channels }) => channels);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function queueOf(store: SlowStore, more: Partial<ConstructorParameters<typeof RecoveryQueue>[1]> = {}): RecoveryQueue {
  return new RecoveryQueue(store.ask, { maxConcurrent: 2, maxWaiting: 100, maxPerScript: 3, ...more }, () => 0);
}

describe('questions about what clients missed', () => {
  test('all that come while a script is under way for their lane make the next, up to its bound', async () => {
    const store = new SlowStore();
    const queue = queueOf(store);
    const first = queue.recover(lane(0), [question('a')], 1_000);
    await turn();
    const later = ['b', 'c', 'd', 'e'].map((channel) => queue.recover(lane(0), [question(channel)], 1_000));
    await turn();
    assert.deepEqual(store.channels, [['a']]);
    await store.answer(0);
    assert.equal((await first).length, 1);
    await store.answer(1);
    await store.answer(2);
    assert.deepEqual(store.channels, [['a'], ['b', 'c', 'd'], ['e']]);
    assert.equal((await Promise.all(later)).length, 4);
  });

  test('the same question is asked once, before its script goes and while it is under way', async () => {
    const store = new SlowStore();
    const queue = queueOf(store);
    const ask = (): Promise<unknown> => queue.recover(lane(0), [question('a')], 1_000);
    const asked = [ask(), ask()];
    await turn();
    asked.push(ask());
    await store.answer(0);
    await Promise.all(asked);
    assert.deepEqual(store.channels, [['a']]);
    // Another offset, other limits, another lane: another question.
    const others = [
      queue.recover(lane(0), [{ ...question('a'), offset: 1 }], 1_000),
      queue.recover(lane(0), [{ ...question('a'), limits: { size: 1, ttlMs: 1 } }], 1_000),
      queue.recover(lane(1), [question('a')], 1_000),
      ask(),
    ];
    await turn();
    assert.deepEqual(store.channels, [['a'], ['a', 'a', 'a'], ['a']]);
    await store.answer(1);
    await store.answer(2);
    await Promise.all(others);
  });

  test('what a script leaves unanswered is asked again before the others', async () => {
    const store = new SlowStore();
    const queue = queueOf(store);
    const asked = queue.recover(lane(0), ['a', 'b', 'c', 'd'].map(question), 1_000);
    await turn();
    await store.answer(0, 1);
    await store.answer(1, 2);
    await store.answer(2);
    assert.deepEqual(store.channels, [['a', 'b', 'c'], ['b', 'c', 'd'], ['d']]);
    assert.equal((await asked).length, 4);
  });

  test('scripts under way are bounded, and lanes take turns', async () => {
    const store = new SlowStore();
    const queue = queueOf(store, { maxPerScript: 1 });
    const asked = [0, 1, 2].flatMap((number) =>
      ['a', 'b'].map((c) => queue.recover(lane(number), [question(c)], 1_000)),
    );
    await turn();
    assert.equal(store.asked.length, 2);
    for (let index = 0; index < 6; index++) await store.answer(index);
    assert.deepEqual(
      store.asked.map(({ lane }) => lane),
      [0, 1, 2, 0, 1, 2],
    );
    await Promise.all(asked);
  });

  test('a deadline that passes frees its place in the queue, and the question is not asked', async () => {
    const store = new SlowStore();
    const queue = queueOf(store, { maxWaiting: 2 });
    const first = queue.recover(lane(0), [question('a')], 10_000);
    await turn();
    await assert.rejects(queue.recover(lane(0), [question('b')], 1), { code: 'deadline', retryable: true });
    const third = queue.recover(lane(0), [question('c')], 10_000);
    await assert.rejects(queue.recover(lane(0), [question('d')], 10_000), { code: 'queue-full', retryable: true });
    await store.answer(0);
    await store.answer(1);
    await Promise.all([first, third]);
    assert.deepEqual(store.channels, [['a'], ['c']]);
  });

  test('a script that fails fails its own questions; the others go on', async () => {
    const store = new SlowStore();
    const queue = queueOf(store);
    const first = queue.recover(lane(0), [question('a')], 1_000);
    const rejected = assert.rejects(first, /gone/);
    await turn();
    const second = queue.recover(lane(0), [question('b')], 1_000);
    store.asked[0]?.reply.reject(new Error('gone'));
    await rejected;
    await turn();
    await store.answer(1);
    await second;
    // Asked anew, not told of the former failure.
    const again = queue.recover(lane(0), [question('a')], 1_000);
    await turn();
    await store.answer(2);
    await again;
  });

  test('closing fails all that wait', async () => {
    const store = new SlowStore();
    const queue = queueOf(store);
    const asked = [queue.recover(lane(0), [question('a')], 1_000)];
    await turn();
    asked.push(queue.recover(lane(0), [question('b')], 1_000));
    queue.close();
    for (const one of asked) await assert.rejects(one, { code: 'closed' });
    await assert.rejects(queue.recover(lane(0), [], 1_000), { code: 'closed' });
    await store.answer(0);
    assert.deepEqual(store.channels, [['a']]);
  });
});
