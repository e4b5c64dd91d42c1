// Acknowledgements of single messages of a batch, on a broker that keeps them: only what is left comes again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Consumer } from '../src/consumer/consumer.ts';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import type { Message } from '../src/consumer/message.ts';
import { Bench, take, takeTexts, textOf, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;

const subscribe = (bench: Bench, config: Partial<ConsumerConfig> = {}): Promise<Consumer> =>
  bench.subscribe({ batchIndexAckEnabled: true, ...config });

describe('batch index acknowledgements', { timeout }, () => {
  for (const subscriptionType of ['Exclusive', 'Shared', 'KeyShared'] as const) {
    test(`${subscriptionType}: after a restart what is left of a batch comes, and then nothing`, async (t) => {
      const bench = await Bench.open(t);
      await bench.publishBatch(...texts(70));
      await bench.publish('end');
      const first = await subscribe(bench, { subscriptionType });
      const received = await take(first, 70);
      // Across the border of a word of 64.
      const left = [0, 7, 63, 64, 69];
      for (const [index, message] of received.entries()) if (!left.includes(index)) await first.acknowledge(message);
      await first.close();
      const second = await subscribe(bench, { subscriptionType });
      const again = await take(second, left.length);
      assert.deepEqual(
        again.map(textOf),
        left.map((index) => `m${index}`),
      );
      for (const message of again) await second.acknowledge(message);
      await second.close();
      assert.deepEqual(await takeTexts(await subscribe(bench, { subscriptionType }), 1), ['end']);
    });
  }

  test('cumulative within a batch, the very first of its topic: the rest comes again', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(5));
    await bench.publishBatch(...texts(5, 'n'));
    const first = await subscribe(bench);
    const received = await take(first, 10);
    await first.acknowledgeCumulative(received[2] as Message);
    await first.close();
    const second = await subscribe(bench);
    const again = await take(second, 7);
    assert.deepEqual(again.map(textOf), ['m3', 'm4', ...texts(5, 'n')]);
    // Beyond the first batch, and one of its own before.
    await second.acknowledge(again[0] as Message);
    await second.acknowledgeCumulative(again[4] as Message);
    await second.close();
    assert.deepEqual(await takeTexts(await subscribe(bench), 2), ['n3', 'n4']);
  });

  test('a consumer that counts entries alone finishes what another began', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(4));
    await bench.publish('end');
    const first = await subscribe(bench);
    const received = await take(first, 4);
    await first.acknowledge(received[1] as Message);
    await first.acknowledge(received[3] as Message);
    await first.close();
    const second = await bench.subscribe();
    const again = await take(second, 2);
    assert.deepEqual(again.map(textOf), ['m0', 'm2']);
    for (const message of again) await second.acknowledge(message);
    await second.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['end']);
  });

  test('Shared: a message of a batch that was refused comes again, and what was acknowledged does not', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(4));
    const consumer = await subscribe(bench, { subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 50 });
    const received = await take(consumer, 4);
    for (const index of [0, 1, 3]) await consumer.acknowledge(received[index] as Message);
    consumer.negativeAcknowledge(received[2] as Message);
    const [again] = (await take(consumer, 1)) as [Message];
    assert.deepEqual([textOf(again), again.getRedeliveryCount()], ['m2', 1]);
    await consumer.acknowledge(again);
    await bench.publish('end');
    assert.deepEqual(await takeTexts(consumer, 1), ['end']);
  });

  test('through a queue of few messages: permits are counted as the broker counts them', async (t) => {
    const bench = await Bench.open(t);
    const batches = 60;
    for (let batch = 0; batch < batches; batch++) await bench.publishBatch(...texts(10, `${batch}-`));
    const first = await subscribe(bench, { subscriptionType: 'Shared' });
    for (const message of await take(first, batches * 10)) {
      if (!textOf(message).endsWith('-9')) await first.acknowledge(message);
    }
    await first.close();
    const second = await subscribe(bench, { subscriptionType: 'Shared', receiverQueueSize: 3 });
    for (const message of await take(second, batches)) {
      assert.match(textOf(message), /-9$/);
      await second.acknowledge(message);
    }
    await bench.untilBacklogIs(0);
  });
});

describe('acknowledgements that are kept back, and confirmed', { timeout }, () => {
  test('grouped ones that wait go when the consumer is closed', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish(...texts(5));
    const first = await bench.subscribe({ ackGroupingTimeMs: 60_000 });
    for (const message of await take(first, 4)) await first.acknowledge(message);
    await first.close();
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['m4']);
  });

  test('a receipt says that the broker has it; after the end there is none', async (t) => {
    const bench = await Bench.open(t);
    await bench.publishBatch(...texts(3));
    await bench.publish('x', 'end');
    const consumer = await subscribe(bench, { ackReceiptEnabled: true, ackGroupingTimeMs: 5 });
    const received = await take(consumer, 5);
    await Promise.all(received.slice(0, 4).map((message) => consumer.acknowledge(message)));
    await bench.untilBacklogIs(1);
    await consumer.close();
    await assert.rejects(consumer.acknowledge(received[4] as Message), pulsarError('AlreadyClosed'));
  });
});
