import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdempotencyStore, KeyedPublish } from '../../src/idempotency/port.ts';

export interface StoreUnderTest {
  readonly store: IdempotencyStore;
  /** Resolves when whoever held something without a word is taken for dead. */
  readonly holdsExpire: () => Promise<void>;
}

let last = 0;

/** What every store of idempotency keys does. */
export function idempotencyConformance(make: () => Promise<StoreUnderTest>): void {
  const mark = { offset: 7, position: '1:2', epoch: 'e.1' };
  const place = { offset: 9, epoch: 'e.1' };
  const publish = (): KeyedPublish => ({ log: 'persistent://public/default/l', channel: '}{:ü', key: `k${++last}` });

  test('one of many claims a key', async () => {
    const { store } = await make();
    const one = publish();
    const claims = await Promise.all(Array.from({ length: 50 }, (_, n) => store.claim(one, `p${n}`, mark)));
    assert.equal(claims.filter(({ kind }) => kind === 'mine').length, 1);
    assert.equal(claims.filter(({ kind }) => kind === 'busy').length, 49);
    assert.deepEqual(
      await store.claim({ ...one, channel: 'other' }, 'p', mark),
      { kind: 'mine' },
      'keys are of a channel',
    );
  });

  test('what is done is told to all who ask later, and stays', async () => {
    const { store, holdsExpire } = await make();
    const one = publish();
    await store.claim(one, 'p1', mark);
    await store.done(one, 'p1', place);
    assert.deepEqual(await store.claim(one, 'p2', mark), { kind: 'done', place });
    await holdsExpire();
    await store.release(one, 'p1');
    await store.abandon(one, 'p1');
    assert.equal(await store.hold(one, 'p1'), false);
    assert.deepEqual(await store.claim(one, 'p2', mark), { kind: 'done', place });
    const other = publish();
    await store.claim(other, 'p1', mark);
    await store.done(other, 'p1', undefined);
    assert.deepEqual(await store.claim(other, 'p2', mark), { kind: 'done', place: undefined });
  });

  test('a claim that nobody holds is taken over, with the mark of the first', async () => {
    const { store, holdsExpire } = await make();
    const one = publish();
    await store.claim(one, 'p1', mark);
    await holdsExpire();
    assert.deepEqual(await store.claim(one, 'p2', { ...mark, offset: 100 }), { kind: 'abandoned', mark });
    assert.deepEqual(await store.claim(one, 'p3', mark), { kind: 'busy' });
    assert.equal(await store.hold(one, 'p1'), false, 'it is not the first one’s any more');
    await store.done(one, 'p1', place);
    await store.release(one, 'p1');
    assert.deepEqual(await store.claim(one, 'p3', mark), { kind: 'busy' }, 'who lost it changes nothing');
    const further = { offset: 50, position: '3:4', epoch: 'e.1' };
    assert.equal(await store.hold(one, 'p2', further), true);
    await store.abandon(one, 'p2');
    assert.deepEqual(await store.claim(one, 'p3', mark), { kind: 'abandoned', mark: further });
  });

  test('a claim that was given up is as if it had never been', async () => {
    const { store } = await make();
    const one = publish();
    await store.claim(one, 'p1', mark);
    await store.release(one, 'p1');
    assert.deepEqual(await store.claim(one, 'p2', mark), { kind: 'mine' });
  });
}
