// When messages are asked for again, by a clock that the tests turn.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DueTimes } from '../src/consumer/due-times.ts';
import { Redelivery } from '../src/consumer/redelivery.ts';
import { noRedelivery, type RedeliverySettings } from '../src/consumer/redelivery-settings.ts';
import type { MessageIdParts } from '../src/message-id.ts';
import { ScriptedTopic, sendEntry } from './support/entries.ts';
import { startScripted } from './support/producers.ts';
import type { Heard } from './support/scripted-broker.ts';

const message = (entryId: number, batchIndex = -1): MessageIdParts => ({
  ledgerId: 7n,
  entryId: BigInt(entryId),
  batchIndex,
  batchSize: 9,
});

function redeliveryOf(t: TestContext, settings: Partial<RedeliverySettings>, maxTracked?: number) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const asked: number[][] = [];
  const redelivery = new Redelivery(
    { ...noRedelivery, nackDelayMs: 1000, ...settings },
    (ids) => asked.push(ids.map(({ entryId }) => Number(entryId))),
    Date.now,
    maxTracked,
  );
  return { redelivery, asked, tick: (ms: number) => t.mock.timers.tick(ms) };
}

test('of those that wait no more than a limit are kept: beyond it those that wait longest are asked for early', (t) => {
  const { redelivery, asked, tick } = redeliveryOf(t, { ackTimeoutMs: 1000 }, 2);
  for (const track of ['refuse', 'handedOver'] as const) {
    asked.length = 0;
    redelivery[track](message(1), 0);
    tick(200);
    redelivery[track](message(2), 0);
    assert.deepEqual(asked, []);
    redelivery[track](message(3), 0);
    assert.deepEqual(asked, [[1]], track);
    tick(1100);
    assert.deepEqual(asked, [[1], [2, 3]], track);
  }
});

describe('negative acknowledgements', () => {
  test('entries are asked for once each, together, a twentieth of the delay too late at most', (t) => {
    const { redelivery, asked, tick } = redeliveryOf(t, {});
    tick(7);
    redelivery.refuse(message(1, 0), 0);
    redelivery.refuse(message(1, 3), 0);
    redelivery.refuse(message(2), 0);
    tick(999);
    assert.deepEqual(asked, []);
    tick(51);
    assert.deepEqual(asked, [[1, 2]]);
    tick(5000);
    assert.equal(asked.length, 1);
  });

  test('an entry that is acknowledged as a whole is not asked for; one with a message left is', (t) => {
    const { redelivery, asked, tick } = redeliveryOf(t, {});
    for (const id of [message(1), message(2, 0), message(3), message(4, 0)]) redelivery.refuse(id, 0);
    redelivery.acknowledged(message(1), true);
    redelivery.acknowledged(message(2, 1), false);
    tick(1100);
    assert.deepEqual(asked, [[2, 3, 4]]);
    for (const id of [message(5), message(6, 0)]) redelivery.refuse(id, 0);
    redelivery.acknowledgedUpTo(message(6, 4));
    tick(1100);
    assert.deepEqual(asked.slice(1), [[6]]);
    redelivery.refuse(message(7), 0);
    redelivery.clear();
    tick(2000);
    assert.equal(asked.length, 2);
  });

  test('a backoff from 0 on is none, however often a message came again', (t) => {
    const { redelivery, asked, tick } = redeliveryOf(t, {
      nackBackoff: { minDelayMs: 0, maxDelayMs: 1000, multiplier: 2 },
    });
    redelivery.refuse(message(1), 5000);
    tick(2);
    assert.deepEqual(asked, [[1]]);
  });

  test('with a backoff the delay grows with each redelivery, up to its end', (t) => {
    const { redelivery, asked, tick } = redeliveryOf(t, {
      nackBackoff: { minDelayMs: 100, maxDelayMs: 350, multiplier: 2 },
    });
    for (const [redeliveries, delayMs] of [100, 200, 350, 350].entries()) {
      redelivery.refuse(message(redeliveries), redeliveries);
      tick(delayMs - 1);
      assert.equal(asked.length, redeliveries, `not before ${delayMs} ms`);
      tick(6);
      assert.deepEqual(asked.at(-1), [redeliveries]);
    }
  });
});

describe('acknowledgement timeouts', () => {
  test('what is neither acknowledged nor refused in time is asked for, an entry once', (t) => {
    const { redelivery, asked, tick } = redeliveryOf(t, { ackTimeoutMs: 10_000, nackDelayMs: 60_000 });
    for (const id of [message(1, 0), message(1, 1), message(2), message(3), message(4)]) redelivery.handedOver(id, 0);
    redelivery.acknowledged(message(2), true);
    redelivery.acknowledged(message(1, 0), false);
    redelivery.refuse(message(3), 0);
    tick(9999);
    redelivery.handedOver(message(5, 0), 0);
    assert.deepEqual(asked, []);
    tick(501);
    assert.deepEqual(asked, [[1, 4]]);
    tick(10_000);
    assert.deepEqual(asked.slice(1), [[5]]);
    // What was refused in its own time.
    tick(60_000);
    assert.deepEqual(asked.slice(2), [[3]]);
  });

  test('a cumulative acknowledgement ends the time of all before it, and of it', (t) => {
    const { redelivery, asked, tick } = redeliveryOf(t, { ackTimeoutMs: 10_000 });
    for (const id of [message(1), message(2, 0), message(2, 1), message(2, 2)]) redelivery.handedOver(id, 0);
    redelivery.acknowledgedUpTo(message(2, 1));
    tick(10_500);
    assert.deepEqual(asked, [[2]]);
    redelivery.handedOver(message(2, 2), 1);
    redelivery.acknowledgedUpTo(message(2, 2));
    tick(20_000);
    assert.equal(asked.length, 1);
  });

  test('a backoff comes on top', (t) => {
    const ackTimeoutBackoff = { minDelayMs: 1000, maxDelayMs: 5000, multiplier: 3 };
    const { redelivery, asked, tick } = redeliveryOf(t, { ackTimeoutMs: 10_000, ackTimeoutBackoff });
    redelivery.handedOver(message(1), 1);
    tick(12_999);
    assert.deepEqual(asked, []);
    tick(501);
    assert.deepEqual(asked, [[1]]);
  });
});

describe('items that come due', () => {
  test('each is told once, in its time, unless it was taken out', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    // A tick turns the clock first: so there is one for each millisecond.
    const pass = (ms: number): void => {
      for (let passed = 0; passed < ms; passed++) t.mock.timers.tick(1);
    };
    const step = fc.oneof(
      fc.record({ set: fc.integer({ min: 0, max: 9 }), delayMs: fc.integer({ min: 20, max: 200 }) }),
      fc.record({ remove: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ passMs: fc.integer({ min: 1, max: 100 }) }),
    );
    const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const expected = new Map<number, number>();
      const times = new DueTimes<number>(
        20,
        (items) => {
          for (const item of items) {
            const late = Date.now() - (expected.get(item) ?? Number.NaN);
            assert.ok(late >= -1 && late <= 1, `item ${item} was told ${late} ms late`);
            expected.delete(item);
          }
        },
        Date.now,
      );
      for (const one of steps) {
        if ('set' in one) {
          times.set(String(one.set), one.set, one.delayMs);
          expected.set(one.set, Date.now() + one.delayMs);
        } else if ('remove' in one) {
          times.delete(String(one.remove));
          expected.delete(one.remove);
        } else pass(one.passMs);
        assert.equal(times.size, expected.size);
      }
      pass(250);
      assert.equal(expected.size, 0, 'all were told');
      assert.equal(times.size, 0);
    });
    fc.assert(property, { numRuns: 50 });
  });

  test('in a hurry those that would be due first are told at once, and the others in their time', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const told: number[] = [];
    const times = new DueTimes<number>(1000, (items) => told.push(...items), Date.now);
    for (const item of [3000, 1000, 2000]) times.set(String(item), item, item);
    times.hurry();
    assert.deepEqual(told, [1000]);
    t.mock.timers.tick(2000);
    assert.deepEqual(told, [1000, 2000]);
    t.mock.timers.tick(1000);
    assert.deepEqual(told, [1000, 2000, 3000]);
  });
});

test('a dead letter that comes while the consumer starts is published and acknowledged, once', async (t) => {
  const { broker, client } = await startScripted(t, { partitions: 2 });
  const topic = new ScriptedTopic(broker, client);
  let late: Heard<'subscribe'> | undefined;
  broker.on('subscribe', (heard) => {
    if (heard.command.topic.endsWith('-partition-1')) late = heard;
    else topic.welcome(heard);
  });
  const deadLetterPolicy = { maxRedeliverCount: 1 };
  const starting = client.subscribe({ topic: 'chat', subscription: 's', subscriptionType: 'Shared', deadLetterPolicy });
  await broker.hear('flow');
  const [first] = broker.heard('subscribe').filter((heard) => heard !== late);
  sendEntry(first as Heard<'subscribe'>, { entryId: 3, redeliveryCount: 2 });
  await broker.hear('send');
  const { command } = await broker.hear('ack');
  assert.equal(command.messageId?.[0]?.entryId, 3n);
  assert.equal(broker.heard('send').length, 1);
  // As late as that: the other partition answers only now.
  await broker.hear('subscribe', 2);
  topic.welcome(late as unknown as Heard<'subscribe'>);
  await starting;
});
