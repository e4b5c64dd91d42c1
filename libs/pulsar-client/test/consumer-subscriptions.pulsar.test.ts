// What the types of subscription promise, on a real broker.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import type { Message } from '../src/consumer/message.ts';
import { Bench, take, takeTexts, textOf, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;

describe('subscriptions', { timeout }, () => {
  test('a message has all that was published with it, alone and in a batch', async (t) => {
    const bench = await Bench.open(t);
    const before = Date.now();
    const message = {
      data: Buffer.from([0xff, 0x00, 0x80]),
      partitionKey: 'kéy',
      orderingKey: 'ordér',
      properties: { a: '1', __proto__x: 'y', '': 'empty' },
      eventTimestamp: 1_234_567_890_123,
    };
    await bench.publish(message);
    await bench.publishBatch('first', message, 'third');
    const consumer = await bench.subscribe();
    const received = await take(consumer, 4);
    for (const one of [received[0], received[2]] as Message[]) {
      assert.deepEqual(one.getData(), message.data);
      assert.equal(one.getPartitionKey(), 'kéy');
      assert.equal(one.getOrderingKey(), 'ordér');
      assert.deepEqual(one.getProperties(), message.properties);
      assert.equal(one.getEventTimestamp(), 1_234_567_890_123);
      assert.equal(one.getTopicName(), bench.topic);
      assert.equal(one.getRedeliveryCount(), 0);
      assert.equal(one.isReplicated(), false);
      assert.equal(one.getReplicatedFrom(), '');
      assert.equal(one.getEncryptionContext(), null);
      assert.notEqual(one.getProducerName(), '');
      assert.ok(one.getPublishTimestamp() >= before && one.getPublishTimestamp() <= Date.now());
      assert.ok((one.getBrokerTimestamp() ?? 0) >= before);
    }
    const plain = received[1] as Message;
    assert.deepEqual([textOf(plain), plain.getPartitionKey(), plain.getOrderingKey()], ['first', '', '']);
    assert.deepEqual([plain.getProperties(), plain.getEventTimestamp()], [{}, 0]);
    assert.deepEqual(
      received.map((one) => one.getBrokerIndex()),
      [0, 1, 2, 3],
    );
  });

  test('the id of a message is the one that its producer was told', async (t) => {
    const bench = await Bench.open(t);
    const sent = [...(await bench.publish('alone')), ...(await bench.publishBatch('a', 'b'))];
    const consumer = await bench.subscribe();
    const received = await take(consumer, 3);
    assert.deepEqual(
      received.map((message) => message.getMessageId().toString()),
      sent.map((id) => id.toString()),
    );
    assert.deepEqual(
      received.map((message) => message.getMessageId().batchSize),
      [0, 2, 2],
    );
  });

  test('exclusive: a second consumer is refused at once, and welcome when the first has gone', async (t) => {
    const bench = await Bench.open(t);
    const first = await bench.subscribe();
    await assert.rejects(bench.subscribe(), pulsarError('ConsumerBusy'));
    await first.close();
    const second = await bench.subscribe();
    await bench.publish('for the second');
    assert.deepEqual(await takeTexts(second, 1), ['for the second']);
  });

  test('shared: consumers divide the messages among them', async (t) => {
    const bench = await Bench.open(t);
    const received = [new Collector<string>(), new Collector<string>()] as const;
    const all = new Collector<string>();
    for (const mine of received) {
      await bench.subscribe({
        subscriptionType: 'Shared',
        receiverQueueSize: 1,
        listener: (message, consumer) => {
          mine.add(textOf(message));
          all.add(textOf(message));
          consumer.acknowledge(message).catch(assert.ifError);
        },
      });
    }
    await bench.publish(...texts(100));
    await all.waitForCount(100);
    assert.deepEqual([...all.items].sort(), texts(100).sort());
    for (const mine of received) assert.ok(mine.items.length > 0, 'one consumer got nothing');
  });

  test('failover: one gets all in order, and when it goes the other goes on where it was', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(1);
    const changes = new Collector<string>();
    // Of a partition, the active consumer is the first by name; of a plain topic, the broker's hash says.
    const config = { topic: `${bench.topic}-partition-0`, subscriptionType: 'Failover' } as const;
    const onActiveChange = (name: string) => (active: boolean, partition: number) =>
      changes.add(`${name} ${active} ${partition}`);
    const first = await bench.subscribe({ ...config, consumerName: 'a', onActiveChange: onActiveChange('a') });
    await changes.waitFor((change) => change === 'a true 0', 'the first to be active');
    const second = await bench.subscribe({ ...config, consumerName: 'b', onActiveChange: onActiveChange('b') });
    await changes.waitFor((change) => change === 'b false 0', 'the second to stand by');
    await bench.publish(...texts(10));
    const got = await take(first, 10);
    assert.deepEqual(got.map(textOf), texts(10));
    for (const message of got.slice(0, 4)) await first.acknowledge(message);
    await assert.rejects(second.receive(0), pulsarError('Timeout'));
    await first.close();
    await changes.waitFor((change) => change === 'b true 0', 'the second to take over');
    assert.deepEqual(await takeTexts(second, 6), texts(10).slice(4));
  });

  test('durable: the next consumer goes on behind what was acknowledged', async (t) => {
    const bench = await Bench.open(t);
    const first = await bench.subscribe();
    await bench.publish(...texts(5));
    const received = await take(first, 5);
    for (const index of [0, 1, 3]) await first.acknowledge(received[index] as Message);
    await first.close();
    await bench.publish('later');
    const second = await bench.subscribe();
    assert.deepEqual(await takeTexts(second, 3), ['m2', 'm4', 'later']);
  });

  test('a new subscription begins with the first message or with the next, as asked', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('before');
    const latest = await bench.client.subscribe({ topic: bench.topic, subscription: 'latest' });
    const earliest = await bench.subscribe({ subscription: 'earliest' });
    await bench.publish('after');
    assert.deepEqual(await takeTexts(latest, 1), ['after']);
    assert.deepEqual(await takeTexts(earliest, 2), ['before', 'after']);
  });

  test('unsubscribe takes the subscription away, with what was acknowledged', async (t) => {
    const bench = await Bench.open(t);
    await bench.publish('a');
    const first = await bench.subscribe();
    await first.acknowledge(await first.receive());
    await first.unsubscribe();
    await assert.rejects(first.receive(), pulsarError('AlreadyClosed'));
    assert.equal(first.isConnected(), false);
    const again = await bench.subscribe();
    assert.deepEqual(await takeTexts(again, 1), ['a']);
  });

  test('a topic in partitions: all messages, each partition in order, ids that say which', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(3);
    const keys = texts(9, 'k');
    const sent = keys.flatMap((key) =>
      texts(20, `${key}-`).map((text) => ({ data: Buffer.from(text), partitionKey: key })),
    );
    await bench.publishBatch(...sent);
    const consumer = await bench.subscribe({ receiverQueueSize: 5 });
    const received = await take(consumer, sent.length);
    for (const key of keys) {
      const ofKey = received.filter((message) => message.getPartitionKey() === key);
      assert.deepEqual(ofKey.map(textOf), texts(20, `${key}-`));
      assert.equal(new Set(ofKey.map((message) => message.getMessageId().partition)).size, 1);
    }
    for (const message of received) {
      assert.equal(message.getTopicName(), `${bench.topic}-partition-${message.getMessageId().partition}`);
    }
    assert.equal(new Set(received.map((message) => message.getMessageId().partition)).size, 3);
    assert.equal((await consumer.getLastMessageIds()).length, 3);
    for (const message of received) await consumer.acknowledge(message);
    await consumer.close();
    await bench.publish('new');
    assert.deepEqual(await takeTexts(await bench.subscribe(), 1), ['new']);
  });

  test('the consumer of one partition receives that one', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(2);
    const whole = await bench.subscribe({ subscription: 'whole' });
    await bench.publishBatch(...texts(40).map((text) => ({ data: Buffer.from(text), partitionKey: text })));
    const expected = (await take(whole, 40)).filter((message) => message.getMessageId().partition === 1).map(textOf);
    const one = await bench.subscribe({ topic: `${bench.topic}-partition-1` });
    assert.deepEqual(await takeTexts(one, expected.length), expected);
  });

  test('goes on where it was when the topic moves', async (t) => {
    const bench = await Bench.open(t);
    const consumer = await bench.subscribe();
    await bench.publish('a');
    await consumer.acknowledge(await consumer.receive());
    // An acknowledgement is on its way; a topic that moves meanwhile delivers again.
    await bench.untilBacklogIs(0);
    await bench.admin('PUT', 'unload');
    await bench.publish('b');
    // A broker writes acknowledgements down now and then: one that moves the topic at once may deliver again.
    const [text] = await takeTexts(consumer, 1);
    if (text === 'a') assert.deepEqual(await takeTexts(consumer, 1), ['b']);
    else assert.equal(text, 'b');
    assert.equal(consumer.isConnected(), true);
  });
});
