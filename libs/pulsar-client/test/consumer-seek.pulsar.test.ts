// Going to another place of a topic with a durable subscription.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import { MessageId } from '../src/message-id.ts';
import { Bench, take, takeTexts, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;

interface Place {
  readonly name: string;
  /** Index, among the messages that `publishAll` publishes, of the one to go to. */
  readonly to: number;
  readonly inclusive: boolean;
  readonly expected: string;
}

const places: readonly Place[] = [
  { name: 'after a message', to: 1, inclusive: false, expected: 'm2' },
  { name: 'to a message itself', to: 1, inclusive: true, expected: 'm1' },
  { name: 'after a message within a batch', to: 4, inclusive: false, expected: 'b2' },
  { name: 'to a message within a batch', to: 4, inclusive: true, expected: 'b1' },
  { name: 'after the last message of a batch', to: 5, inclusive: false, expected: 'n0' },
  { name: 'to the first message of a batch', to: 3, inclusive: true, expected: 'b0' },
];

/** m0 m1 m2 as entries, b0 b1 b2 as a batch, n0 n1 as entries. */
const all = [...texts(3), ...texts(3, 'b'), ...texts(2, 'n')];

async function publishAll(bench: Bench): Promise<MessageId[]> {
  return [
    ...(await bench.publish(...all.slice(0, 3))),
    ...(await bench.publishBatch(...all.slice(3, 6))),
    ...(await bench.publish(...all.slice(6))),
  ];
}

describe('seek', { timeout }, () => {
  for (const { name, to, inclusive, expected } of places) {
    for (const read of [0, 2, all.length]) {
      test(`${name}, when ${read} messages were received`, async (t) => {
        const bench = await Bench.open(t);
        const ids = await publishAll(bench);
        const consumer = await bench.subscribe({ startMessageIdInclusive: inclusive });
        await take(consumer, read);
        assert.equal(await consumer.seek(ids[to] as MessageId), null);
        const rest = all.slice(all.indexOf(expected));
        const messages = await take(consumer, rest.length);
        assert.deepEqual(
          messages.map((message) => message.getData().toString()),
          rest,
        );
        for (const message of messages) await consumer.acknowledge(message);
        await consumer.close();
        await bench.publish('end');
        assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['end'], 'nothing stays unacknowledged');
      });
    }
  }

  test('to the earliest: also what was acknowledged, of batches too', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const consumer = await bench.subscribe();
    for (const message of await take(consumer, 5)) await consumer.acknowledge(message);
    await consumer.seek(MessageId.earliest());
    assert.deepEqual(await takeTexts(consumer, all.length), all);
  });

  for (const startMessageIdInclusive of [false, true]) {
    test(`to the latest: what is published from then on (inclusive: ${startMessageIdInclusive})`, async (t) => {
      const bench = await Bench.open(t);
      await publishAll(bench);
      const consumer = await bench.subscribe({ startMessageIdInclusive });
      await consumer.seek(MessageId.latest());
      await bench.publish('new');
      assert.deepEqual(await takeTexts(consumer, 1), ['new']);
      await consumer.acknowledgeCumulativeId((await bench.publish('newer'))[0] as MessageId);
      await bench.untilBacklogIs(0);
    });
  }

  test('to a time: the first message published then or later', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('old');
    const consumer = await bench.subscribe();
    const [old] = await take(consumer, 1);
    // The broker goes by its own time of the entry where it notes one.
    const time = (old?.getBrokerTimestamp() ?? 0) + 1;
    while (Date.now() <= time) await new Promise((resolve) => setImmediate(resolve));
    await bench.publish('new', 'newer');
    await consumer.seek(MessageId.latest());
    assert.equal(await consumer.seekTimestamp(time), null);
    assert.deepEqual(await takeTexts(consumer, 2), ['new', 'newer']);
    await assert.rejects(consumer.seekTimestamp(-1), pulsarError('InvalidConfiguration'));
    await assert.rejects(consumer.seekTimestamp(0.5), pulsarError('InvalidConfiguration'));
  });

  test('of a topic in partitions: a message sets its own alone, earliest sets all', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(2);
    await bench.publishBatch(...texts(40).map((text) => ({ data: Buffer.from(text), partitionKey: text })));
    const config: Partial<ConsumerConfig> = { startMessageIdInclusive: true };
    const consumer = await bench.subscribe(config);
    const received = await take(consumer, 40);
    const first = received.filter((message) => message.getMessageId().partition === 1);
    for (const message of received) await consumer.acknowledge(message);
    await consumer.seek(first[2]?.getMessageId() ?? MessageId.earliest());
    assert.deepEqual(
      await takeTexts(consumer, first.length - 2),
      first.slice(2).map((message) => message.getData().toString()),
    );
    await bench.publish('end');
    assert.deepEqual(await takeTexts(consumer, 1), ['end']);
    await consumer.seek(MessageId.earliest());
    assert.deepEqual((await takeTexts(consumer, 41)).sort(), [...texts(40), 'end'].sort());
    await assert.rejects(consumer.seek(new MessageId(1n, 1n, 5)), pulsarError('InvalidMessage'));
  });
});
