import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryIdempotency } from '../src/idempotency/memory-store.ts';
import { idempotencyConformance } from './support/idempotency-conformance.ts';

const mark = { offset: 1, position: 'p', epoch: 'e' };

describe('idempotency keys in memory', () => {
  idempotencyConformance(() => {
    let now = 0;
    return Promise.resolve({
      store: new MemoryIdempotency({ now: () => now }),
      holdsExpire: () => {
        now += 60_000;
        return Promise.resolve();
      },
    });
  });

  test('a key is forgotten after an hour, and the oldest where there are too many', async () => {
    let now = 0;
    const store = new MemoryIdempotency({ now: () => now, maxKeys: 2 });
    const publish = (key: string) => ({ log: 'l', channel: 'c', key });
    const claim = async (key: string): Promise<string> => (await store.claim(publish(key), 'p', mark)).kind;
    await claim('a');
    await store.done(publish('a'), 'p', undefined);
    now = 3_599_000;
    assert.equal(await claim('a'), 'done');
    now = 3_601_000;
    assert.equal(await claim('a'), 'mine');
    await claim('b');
    await claim('c');
    assert.equal(await claim('a'), 'mine');
    // Who takes over what was abandoned has an hour of its own: else another might publish while it does.
    now += 3_599_000;
    assert.equal(await claim('a'), 'abandoned');
    now += 9_000;
    assert.equal(await claim('a'), 'busy');
  });
});
