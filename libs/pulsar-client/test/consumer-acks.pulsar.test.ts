// What is acknowledged doesn't come again, what isn't does: on a real broker, which counts whole entries.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../src/consumer/message.ts';
import { MessageId } from '../src/message-id.ts';
import { Bench, take, takeTexts, textOf, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;

describe('acknowledgements', { timeout }, () => {
  test('a batch is acknowledged with the last of its messages, in whatever order', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(5));
    await bench.publish('end');
    const first = await bench.subscribe();
    const received = await take(first, 5);
    for (const index of [4, 0, 2, 1]) await first.acknowledge(received[index] as Message);
    await first.close();
    const second = await bench.subscribe();
    const again = await take(second, 5);
    assert.deepEqual(again.map(textOf), texts(5), 'the entry comes as a whole to another consumer');
    for (const index of [3, 4, 0, 2, 1]) await second.acknowledge(again[index] as Message);
    await second.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['end']);
  });

  test('by id, as a program does that kept ids and not messages', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch('a', 'b');
    await bench.publish('c', 'd');
    const first = await bench.subscribe();
    const kept = (await take(first, 3)).map((message) => message.getMessageId().serialize());
    for (const id of kept) await first.acknowledgeId(MessageId.deserialize(id));
    await first.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['d']);
  });

  test('cumulative: everything up to the message', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish(...texts(5));
    const first = await bench.subscribe();
    await first.acknowledgeCumulative((await take(first, 4)).at(-1) as Message);
    await first.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['m4']);
  });

  test('cumulative within a batch: what is before the batch, and the batch with its last message', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('before');
    await bench.publishBatch(...texts(4));
    await bench.publish('after');
    const first = await bench.subscribe();
    const received = await take(first, 4);
    await first.acknowledgeCumulative(received[2] as Message);
    await first.close();
    const second = await bench.subscribe();
    const again = await take(second, 4);
    assert.deepEqual(again.map(textOf), texts(4));
    await second.acknowledgeCumulative(again[3] as Message);
    await second.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['after']);
  });

  test('cumulative within the very first entry of a topic', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(3));
    await bench.publish('after');
    const first = await bench.subscribe();
    const received = await take(first, 3);
    await first.acknowledgeCumulative(received[1] as Message);
    // The same connection still serves: the broker took no offence at a position before the first entry.
    await first.acknowledge(received[2] as Message);
    await first.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['after']);
  });

  test('cumulative is refused where there is no order', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('a');
    const consumer = await bench.subscribe({ subscriptionType: 'Shared' });
    const [message] = await take(consumer, 1);
    await assert.rejects(
      consumer.acknowledgeCumulative(message as Message),
      pulsarError('CumulativeAcknowledgementNotAllowedError'),
    );
  });

  test('an id in a batch of unknown size, and one of no partition, are refused', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(2);
    const consumer = await bench.subscribe();
    await assert.rejects(consumer.acknowledgeId(new MessageId(1n, 1n, 0, 3)), pulsarError('InvalidMessage'));
    await assert.rejects(consumer.acknowledgeId(new MessageId(1n, 1n, 7)), pulsarError('InvalidMessage'));
    await assert.rejects(consumer.acknowledgeId(new MessageId(1n, 1n)), pulsarError('InvalidMessage'));
  });

  test('negative, shared: the message comes again, counted, and no other', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish(...texts(4));
    const consumer = await bench.subscribe({ subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 50 });
    const received = await take(consumer, 4);
    consumer.negativeAcknowledge(received[1] as Message);
    const [again] = (await take(consumer, 1)) as [Message];
    assert.deepEqual([textOf(again), again.getRedeliveryCount()], ['m1', 1]);
    consumer.negativeAcknowledgeId(again.getMessageId());
    const [third] = (await take(consumer, 1)) as [Message];
    assert.deepEqual([textOf(third), third.getRedeliveryCount()], ['m1', 2]);
    await bench.publish('end');
    assert.deepEqual(await takeTexts(consumer, 1), ['end']);
  });

  test('negative, shared, in a batch: what of it is acknowledged does not come again', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(4));
    const consumer = await bench.subscribe({ subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 50 });
    const received = await take(consumer, 4);
    for (const index of [0, 2]) await consumer.acknowledge(received[index] as Message);
    consumer.negativeAcknowledge(received[3] as Message);
    const again = await take(consumer, 2);
    assert.deepEqual(again.map(textOf), ['m1', 'm3']);
    for (const message of again) await consumer.acknowledge(message);
    await bench.publish('end');
    assert.deepEqual(await takeTexts(consumer, 1), ['end']);
    await consumer.close();
    assert.deepEqual(await takeTexts(await bench.subscribe({ subscriptionType: 'Shared' }), 1), ['end']);
  });

  for (const subscriptionType of ['Exclusive', 'Failover'] as const) {
    test(`negative, ${subscriptionType}: all that is unacknowledged comes again, in order`, async (t) => {
      const bench = await Bench.open(t);
      await bench.publish(...texts(3));
      await bench.publishBatch(...texts(3, 'b'));
      const consumer = await bench.subscribe({ subscriptionType, nAckRedeliverTimeoutMs: 50 });
      const received = await take(consumer, 6);
      for (const index of [0, 2, 4]) await consumer.acknowledge(received[index] as Message);
      consumer.negativeAcknowledge(received[1] as Message);
      assert.deepEqual(await takeTexts(consumer, 3), ['m1', 'b0', 'b2']);
      await bench.publish('end');
      assert.deepEqual(await takeTexts(consumer, 1), ['end']);
    });
  }

  test('negative, then acknowledged after all: does not come again', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('a', 'b');
    const consumer = await bench.subscribe({ subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 50 });
    const [a, b] = (await take(consumer, 2)) as [Message, Message];
    consumer.negativeAcknowledge(a);
    consumer.negativeAcknowledge(b);
    await consumer.acknowledge(a);
    // `b` is asked for with or after `a`, so that what comes of `a` would come first.
    assert.deepEqual(await takeTexts(consumer, 1), ['b']);
    await bench.publish('end');
    assert.deepEqual(await takeTexts(consumer, 1), ['end']);
  });

  test('many batches through a queue of ten messages, each message acknowledged: nothing is left', async (t) => {
    const bench = await Bench.open(t);
    const count = 3000;
    await bench.publishBatch(...texts(count));
    const consumer = await bench.subscribe({ receiverQueueSize: 10 });
    for (const expected of texts(count)) {
      const message = await consumer.receive(20_000);
      assert.equal(textOf(message), expected);
      await consumer.acknowledge(message);
    }
    await bench.untilBacklogIs(0);
  });
});

describe('redelivery', { timeout }, () => {
  test('a backoff: a message that is refused again and again comes later each time, and others do not wait for it', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('a');
    const negativeAckRedeliveryBackoff = { minDelayMs: 100, maxDelayMs: 60_000, multiplier: 4 };
    const consumer = await bench.subscribe({ subscriptionType: 'Shared', negativeAckRedeliveryBackoff });
    for (const [redeliveries, delayMs] of [0, 100, 400].entries()) {
      const since = performance.now();
      const [message] = (await take(consumer, 1)) as [Message];
      assert.equal(message.getRedeliveryCount(), redeliveries);
      if (delayMs > 0) assert.ok(performance.now() - since >= delayMs - 5, `${performance.now() - since} ms`);
      consumer.negativeAcknowledge(message);
    }
    await bench.publish('b');
    assert.deepEqual(await takeTexts(consumer, 1), ['b']);
  });

  test('what is not acknowledged in time comes again: alone where Shared, else all of it in order', async (t) => {
    const ackTimeoutMs = 10_000;
    const run = async (subscriptionType: 'Shared' | 'Exclusive'): Promise<string[]> => {
      const bench = await Bench.open(t);
      await bench.publish(...texts(3));
      await bench.publishBatch(...texts(3, 'b'));
      const consumer = await bench.subscribe({ subscriptionType, ackTimeoutMs, nAckRedeliverTimeoutMs: 600_000 });
      const received = await take(consumer, 6);
      const since = performance.now();
      for (const index of [0, 2, 3, 5]) await consumer.acknowledge(received[index] as Message);
      const again = await take(consumer, 2);
      assert.ok(performance.now() - since >= ackTimeoutMs - 5);
      for (const message of again) await consumer.acknowledge(message);
      await bench.publish('end');
      return [...again.map(textOf), ...(await takeTexts(consumer, 1))].sort();
    };
    const outcomes = await Promise.all([run('Shared'), run('Exclusive')]);
    for (const outcome of outcomes) assert.deepEqual(outcome, ['b1', 'end', 'm1']);
  });
});
