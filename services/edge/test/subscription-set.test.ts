import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PendingSubscribe, SubscriptionSet } from '../src/session/subscription-set.ts';

test('a set of subscriptions does what a Map does', () => {
  const channel = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('set' as const), channel }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('delete' as const), channel }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), channel }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const set = new SubscriptionSet();
      const model = new Map<string, PendingSubscribe>();
      let id = 0;
      for (const { do: what, channel } of steps) {
        if (what === 'set') {
          const entry = new PendingSubscribe(id++);
          set.set(channel, entry);
          model.set(channel, entry);
        } else if (what === 'delete') {
          set.delete(channel);
          model.delete(channel);
        } else {
          assert.deepEqual(new Set(set.clear()), new Set(model.values()));
          model.clear();
        }
        assert.equal(set.size, model.size);
        for (const name of ['a', 'b', 'c', 'd']) assert.equal(set.get(name), model.get(name));
      }
    }),
    { numRuns: 300 },
  );
});
