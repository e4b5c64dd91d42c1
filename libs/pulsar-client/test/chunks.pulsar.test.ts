// Messages in chunks from a real broker: acknowledged, delivered again, cut off in their middle, read, sought.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually, sharedPulsar } from '@pharos/testkit';
import { MessageId } from '../src/message-id.ts';
import { chunksOf, RawProducer } from './support/chunks.ts';
import { Bench, take, takeTexts, textOf } from './support/consuming.ts';

const timeout = 120_000;
const a = chunksOf('a', Buffer.from('the first message'), 3);
const b = chunksOf('b', Buffer.from('the second one'), 3);

interface Stats {
  readonly subscriptions: {
    readonly s: {
      readonly unackedMessages: number;
      readonly consumers: readonly { readonly unackedMessages: number }[];
    };
  };
}

async function open(t: Parameters<typeof Bench.open>[0]): Promise<{ bench: Bench; producer: RawProducer }> {
  const bench = await Bench.open(t);
  const { serviceUrl } = await sharedPulsar();
  return { bench, producer: await RawProducer.open(t, serviceUrl, bench.topic) };
}

describe('messages in chunks, of a real broker', { timeout }, () => {
  for (const subscriptionType of ['Exclusive', 'Shared'] as const) {
    test(`${subscriptionType}: interleaved ones are received, refused, received again, acknowledged`, async (t) => {
      const { bench, producer } = await open(t);
      const consumer = await bench.subscribe({ subscriptionType, nAckRedeliverTimeoutMs: 10 });
      const order = [a[0], b[0], a[1], b[1], b[2], a[2]] as (typeof a)[number][];
      const ids = await producer.sendAll(order);
      const messages = await take(consumer, 2);
      assert.deepEqual(messages.map(textOf).sort(), ['the first message', 'the second one']);
      const first = messages.find((message) => textOf(message) === 'the first message');
      assert.equal(first?.getMessageId().compare(ids[5] as MessageId), 0);
      assert.equal(first.getMessageId().firstChunkMessageId?.compare(ids[0] as MessageId), 0);
      for (const message of messages) consumer.negativeAcknowledge(message);
      const again = new Map<string, MessageId>();
      while (again.size < 2) {
        const message = await consumer.receive(20_000);
        again.set(textOf(message), message.getMessageId());
      }
      for (const id of again.values()) await consumer.acknowledgeId(MessageId.deserialize(id.serialize()));
      await bench.untilBacklogIs(0);
    });
  }

  test('the topic moves in the middle of a message: it comes whole, and once', async (t) => {
    const { bench, producer } = await open(t);
    const consumer = await bench.subscribe();
    const reader = await bench.read(MessageId.earliest());
    await producer.sendAll([a[0], a[1]] as (typeof a)[number][]);
    await bench.publish('between');
    assert.deepEqual(await takeTexts(consumer, 1), ['between']);
    assert.deepEqual(await takeTexts(reader, 1), ['between']);
    await bench.admin('PUT', 'unload');
    // The raw producer went with its topic.
    const { serviceUrl } = await sharedPulsar();
    const later = await RawProducer.open(t, serviceUrl, bench.topic);
    await later.send(a[2] as (typeof a)[number]);
    const received = await take(consumer, 2);
    assert.deepEqual(
      received.map(textOf).sort(),
      ['between', 'the first message'],
      'what was not acknowledged comes again',
    );
    assert.deepEqual(await takeTexts(reader, 1), ['the first message'], 'a reader goes on');
    for (const message of received) await consumer.acknowledge(message);
    await bench.untilBacklogIs(0);
  });

  test('KeyShared: a consumer goes in the middle of a message, the next one gets it whole', async (t) => {
    const { bench, producer } = await open(t);
    const keyed = chunksOf('keyed', Buffer.from('the first message'), 4, { partitionKey: 'k' });
    const first = await bench.subscribe({ subscriptionType: 'KeyShared' });
    await producer.sendAll(keyed.slice(0, 2));
    await bench.publish('mark');
    assert.deepEqual(await takeTexts(first, 1), ['mark']);
    const second = await bench.subscribe({ subscriptionType: 'KeyShared' });
    await first.close();
    await producer.sendAll(keyed.slice(2));
    const messages = await take(second, 2);
    assert.deepEqual(messages.map(textOf).sort(), ['mark', 'the first message']);
    for (const message of messages) await second.acknowledge(message);
    await bench.untilBacklogIs(0);
  });

  // A defect of brokers (apache/pulsar#26395, 4.2.4 has it): where they no longer have it, so much for the text in the docs.
  test('Shared: a consumer goes in the middle of a message, whose chunks the broker keeps for it until the topic moves', async (t) => {
    const { bench, producer } = await open(t);
    const first = await bench.subscribe({ subscriptionType: 'Shared' });
    await producer.sendAll(a.slice(0, 2));
    await bench.publish('mark');
    assert.deepEqual(await takeTexts(first, 1), ['mark']);
    const second = await bench.subscribe({ subscriptionType: 'Shared' });
    await first.close();
    await producer.sendAll(a.slice(2));
    await bench.publish('end');
    const others = await take(second, 2);
    assert.deepEqual(others.map(textOf), ['mark', 'end']);
    for (const message of others) await second.acknowledge(message);
    await eventually(async () => {
      const { subscriptions } = (await bench.admin('GET', 'stats')) as Stats;
      const { unackedMessages, consumers } = subscriptions.s;
      return (unackedMessages === a.length && consumers.every((one) => one.unackedMessages === 0)) || undefined;
    }, 'chunks that the broker believes to be with a consumer, and none of those that it has');
    await bench.admin('PUT', 'unload');
    const [message] = await take(second, 1);
    assert.equal(message?.getData().toString(), 'the first message');
    await second.acknowledgeId(message.getMessageId());
    await bench.untilBacklogIs(0);
  });

  test('sought and begun at: after it, or with it', async (t) => {
    const { bench, producer } = await open(t);
    await producer.sendAll([a[0], b[0], a[1], b[1], a[2], b[2]] as (typeof a)[number][]);
    await bench.publish('end');
    const consumer = await bench.subscribe();
    const messages = await take(consumer, 3);
    assert.deepEqual(messages.map(textOf), ['the first message', 'the second one', 'end']);
    const [first] = messages;
    const id = MessageId.deserialize((first as NonNullable<typeof first>).getMessageId().serialize());
    await consumer.seek(id);
    assert.deepEqual(await takeTexts(consumer, 2), ['the second one', 'end']);
    const inclusive = await bench.subscribe({ subscription: 'inclusive', startMessageIdInclusive: true });
    await take(inclusive, 3);
    await inclusive.seek(id);
    assert.deepEqual(await takeTexts(inclusive, 3), ['the first message', 'the second one', 'end']);
    assert.deepEqual(await takeTexts(await bench.read(id), 2), ['the second one', 'end']);
    const reader = await bench.read(id, { startMessageIdInclusive: true });
    assert.deepEqual(await takeTexts(reader, 3), ['the first message', 'the second one', 'end']);
  });
});
