// What comes again too often goes to the dead letter topic, once, and what is put off comes by the retry topic: on a real broker.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import type { Consumer } from '../src/consumer/consumer.ts';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import type { Message } from '../src/consumer/message.ts';
import { Bench, take, takeTexts, textOf, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;

const subscribe = (bench: Bench, config: Partial<ConsumerConfig> = {}): Promise<Consumer> =>
  bench.subscribe({ subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 50, ...config });

/** Reads a topic from its first message on. */
const readerOf = (bench: Bench, topic: string): Promise<Consumer> =>
  bench.client.subscribe({ topic, subscription: 'reads', subscriptionInitialPosition: 'Earliest' });

const backlogIs = async (bench: Bench, entries: number): Promise<void> => bench.untilBacklogIs(entries);

describe('dead letters', { timeout }, () => {
  for (const subscriptionType of ['Shared', 'KeyShared'] as const) {
    test(`${subscriptionType}: after exactly so many redeliveries, whole, and acknowledged`, async (t) => {
      const bench = await Bench.open(t);
      const eventTimestamp = 1_234_567_890_123;
      const properties = { colour: 'green', REAL_TOPIC: 'kept' };
      const bad = { data: Buffer.from('bad'), partitionKey: 'k', orderingKey: 'o', eventTimestamp, properties };
      await bench.publishBatch('good', bad, 'fine');
      const consumer = await subscribe(bench, { subscriptionType, deadLetterPolicy: { maxRedeliverCount: 2 } });
      const counts: number[] = [];
      const received = new Set<string>();
      while (counts.length < 3 || received.size < 3) {
        const [message] = (await take(consumer, 1)) as [Message];
        received.add(textOf(message));
        if (textOf(message) === 'bad') {
          counts.push(message.getRedeliveryCount());
          consumer.negativeAcknowledge(message);
        } else await consumer.acknowledge(message);
      }
      assert.deepEqual(counts, [0, 1, 2]);
      const dead = await readerOf(bench, `${bench.topic}-s-DLQ`);
      const [letter] = (await take(dead, 1)) as [Message];
      assert.deepEqual(
        [textOf(letter), letter.getPartitionKey(), letter.getOrderingKey(), letter.getEventTimestamp()],
        ['bad', 'k', 'o', eventTimestamp],
      );
      const { ORIGIN_MESSAGE_ID, ORIGIN_MESSAGE_IDY_TIME, ...others } = letter.getProperties();
      assert.deepEqual(others, { colour: 'green', REAL_TOPIC: 'kept', REAL_SUBSCRIPTION: 's' });
      assert.match(String(ORIGIN_MESSAGE_ID), /^\d+:\d+:-1:1$/);
      assert.equal(ORIGIN_MESSAGE_IDY_TIME, ORIGIN_MESSAGE_ID);
      await backlogIs(bench, 0);
      await bench.publish('end');
      assert.deepEqual(await takeTexts(consumer, 1), ['end'], 'it does not come again');
      await assert.rejects(dead.receive(300), pulsarError('Timeout'));
    });
  }

  test('KeyShared, of a topic in partitions, in batches: each message is a dead letter once, and no other', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(3);
    const all = [...texts(12, 'bad'), ...texts(12, 'good')];
    const producer = await bench.client.createProducer({ topic: bench.topic, batchingType: 'KeyBasedBatching' });
    await Promise.all(all.map((text) => producer.send({ data: Buffer.from(text), partitionKey: text })));
    await producer.close();
    const subscriptionType = 'KeyShared';
    const consumer = await subscribe(bench, { subscriptionType, deadLetterPolicy: { maxRedeliverCount: 1 } });
    const seen = new Map<string, number>();
    const isDone = (): boolean => all.every((text) => seen.get(text) === (text.startsWith('bad') ? 2 : 1));
    while (!isDone()) {
      const [message] = (await take(consumer, 1)) as [Message];
      const text = textOf(message);
      seen.set(text, (seen.get(text) ?? 0) + 1);
      if (text.startsWith('bad')) consumer.negativeAcknowledge(message);
      else await consumer.acknowledge(message);
    }
    const dead = await readerOf(bench, `${bench.topic}-s-DLQ`);
    const letters = await take(dead, 12);
    assert.deepEqual(letters.map(textOf).sort(), texts(12, 'bad').sort());
    assert.deepEqual([...new Set(letters.map((letter) => letter.getProperties()['REAL_TOPIC']))], [bench.topic]);
    await consumer.close();
    // None is owed, and none comes twice.
    const next = await subscribe(bench, { subscriptionType });
    await bench.publish({ data: Buffer.from('end'), partitionKey: 'end' });
    assert.deepEqual(await takeTexts(next, 1), ['end']);
    await assert.rejects(dead.receive(300), pulsarError('Timeout'));
  });

  test('no dead letter topic at the moment: the message stays, is told of, and goes there when it can', async (t) => {
    const outcomes = new Collector<string>();
    const bench = await Bench.open(t, { metrics: { deadLetter: (outcome) => outcomes.add(outcome) } });
    const deadLetterTopic = `${bench.topic}-dead`;
    // A topic in partitions may not be made anew as a plain one, and a partition beyond its number can not be published to.
    await bench.publish('bad');
    const path = deadLetterTopic.replace('://', '/');
    const call = async (method: string, what: string): Promise<void> => {
      const response = await fetch(`${bench.adminUrl}/admin/v2/${path}${what}`, { method });
      assert.ok(response.ok, `${method} ${what}: ${response.status}`);
    };
    await call('PUT', '');
    await call('POST', '/terminate');
    const consumer = await subscribe(bench, { deadLetterPolicy: { maxRedeliverCount: 1, deadLetterTopic } });
    for (const _ of texts(2)) consumer.negativeAcknowledge((await take(consumer, 1))[0] as Message);
    await outcomes.waitForCount(2, 60_000);
    assert.deepEqual([...new Set(outcomes.items)], ['failed']);
    await backlogIs(bench, 1);
    await call('DELETE', '?force=true');
    await outcomes.waitUntil((items) => items.includes('sent'), 'dead letter', 60_000);
    await backlogIs(bench, 0);
    assert.deepEqual(await takeTexts(await readerOf(bench, deadLetterTopic), 1), ['bad']);
  });

  test('a subscription is made with the dead letter topic, so that its first message is kept', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('bad');
    const deadLetterPolicy = { maxRedeliverCount: 1, initialSubscriptionName: 'undertaker' };
    const consumer = await subscribe(bench, { deadLetterPolicy });
    for (const _ of texts(2)) consumer.negativeAcknowledge((await take(consumer, 1))[0] as Message);
    await backlogIs(bench, 0);
    const topic = `${bench.topic}-s-DLQ`;
    // From the latest message on, if it were new.
    const dead = await bench.client.subscribe({ topic, subscription: 'undertaker' });
    assert.deepEqual(await takeTexts(dead, 1), ['bad']);
  });
});

describe('messages that are put off', { timeout }, () => {
  test('come by the retry topic after their delay, are counted, and end as dead letters', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish({ data: Buffer.from('later'), partitionKey: 'k', properties: { colour: 'green' } }, 'now');
    const consumer = await subscribe(bench, { retryEnable: true, deadLetterPolicy: { maxRedeliverCount: 2 } });
    const seen: (string | undefined)[][] = [];
    const others: string[] = [];
    let putOffAt = 0;
    while (seen.length < 3 || others.length < 1) {
      const [message] = (await take(consumer, 1)) as [Message];
      if (textOf(message) === 'now') {
        others.push('now');
        await consumer.acknowledge(message);
        continue;
      }
      // A broker looks at its clock once a second, and counts that for the message.
      if (seen.length > 0) assert.ok(Date.now() - putOffAt >= 400, `after ${Date.now() - putOffAt} ms`);
      const { RECONSUMETIMES, DELAY_TIME, REAL_TOPIC, colour, own } = message.getProperties();
      const isFirst = message.getTopicName() === bench.topic;
      assert.equal(message.getTopicName(), isFirst ? bench.topic : `${bench.topic}-s-RETRY`);
      seen.push([RECONSUMETIMES, DELAY_TIME, REAL_TOPIC, colour, own, message.getPartitionKey()]);
      putOffAt = Date.now();
      await consumer.reconsumeLater(message, 1500, { own: String(seen.length) });
    }
    const from = bench.topic;
    assert.deepEqual(seen, [
      [undefined, undefined, undefined, 'green', undefined, 'k'],
      ['1', '1500', from, 'green', '1', 'k'],
      ['2', '1500', from, 'green', '2', 'k'],
    ]);
    const [letter] = (await take(await readerOf(bench, `${bench.topic}-s-DLQ`), 1)) as [Message];
    assert.deepEqual([textOf(letter), letter.getPartitionKey()], ['later', 'k']);
    const { RECONSUMETIMES, REAL_TOPIC, own } = letter.getProperties();
    assert.deepEqual([RECONSUMETIMES, REAL_TOPIC, own], ['3', from, '3']);
    await backlogIs(bench, 0);
    await consumer.close();
    // Neither topic has anything left for the subscription.
    await bench.publish('end');
    const next = await subscribe(bench, { retryEnable: true });
    assert.deepEqual(await takeTexts(next, 1), ['end']);
    await assert.rejects(next.receive(300), pulsarError('Timeout'));
  });

  test('a listener gets both topics; a message of the retry topic that is refused comes again there', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('a');
    const got = new Collector<string>();
    await subscribe(bench, {
      retryEnable: true,
      listener: (message, consumer) => {
        const retried = message.getProperties()['RECONSUMETIMES'] !== undefined;
        got.add(`${retried ? 'retry' : 'own'} ${message.getRedeliveryCount()}`);
        if (!retried) consumer.reconsumeLater(message, 0).catch(assert.ifError);
        else if (message.getRedeliveryCount() === 0) consumer.negativeAcknowledge(message);
        else consumer.acknowledge(message).catch(assert.ifError);
      },
    });
    await got.waitForCount(3, 30_000);
    assert.deepEqual(got.items, ['own 0', 'retry 0', 'retry 1']);
    await backlogIs(bench, 0);
  });

  test('without retryEnable, and with a delay that is none, it is refused', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('a');
    const plain = await subscribe(bench);
    const [message] = (await take(plain, 1)) as [Message];
    await assert.rejects(plain.reconsumeLater(message, 0), pulsarError('OperationNotSupported'));
    await plain.close();
    const dead = await subscribe(bench, { deadLetterPolicy: { maxRedeliverCount: 1 } });
    const [again] = (await take(dead, 1)) as [Message];
    await assert.rejects(dead.reconsumeLater(again, 0), pulsarError('OperationNotSupported'));
    await assert.rejects(dead.reconsumeLater(again, -1), pulsarError('InvalidConfiguration'));
    await dead.close();
    await assert.rejects(dead.receive(), pulsarError('AlreadyClosed'));
  });
});
