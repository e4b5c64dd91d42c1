// A KeyShared subscription of a real broker: who gets which key, and that a key's order survives consumers that come and go.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector, keepingNamespace, uniqueTopic } from '@pharos/testkit';
import type { Consumer } from '../src/consumer/consumer.ts';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import type { Message } from '../src/consumer/message.ts';
import { Bench, textOf } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';
import { readBack } from './support/read-back.ts';

const timeout = 120_000;
const allComeWithinMs = 60_000;
const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);

interface Received {
  readonly by: string;
  readonly key: string;
  readonly text: string;
}

/** A consumer that notes and acknowledges what it gets, in that order. */
function join(bench: Bench, by: string, all: Collector<Received>, config: Partial<ConsumerConfig> = {}) {
  const listener = (message: Message, consumer: Consumer): void => {
    all.add({ by, key: message.getPartitionKey(), text: textOf(message) });
    consumer.acknowledge(message).catch(assert.ifError);
  };
  return bench.subscribe({
    subscriptionType: 'KeyShared',
    consumerName: by,
    receiverQueueSize: 50,
    listener,
    ...config,
  });
}

/** Sends `rounds` messages to each key, numbered, a round at a time. */
async function produce(bench: Bench, first: number, rounds: number): Promise<void> {
  const producer = await bench.client.createProducer({
    topic: bench.topic,
    batchingType: 'KeyBasedBatching',
    batchingMaxPublishDelayMs: 1,
    maxPendingMessages: 100_000,
  });
  for (let round = first; round < first + rounds; round++) {
    const sent = keys.map((partitionKey) => producer.send({ data: Buffer.from(String(round)), partitionKey }));
    // Every third round ends its batches, so that there are some of one message and some of more.
    if (round % 3 === 0) await producer.flush();
    else for (const one of sent) one.catch(assert.ifError);
  }
  await producer.close();
}

const ofKey = (all: readonly Received[], key: string): number[] =>
  all.filter((received) => received.key === key).map(({ text }) => Number(text));

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('KeyShared', { timeout }, () => {
  test('three consumers come and go: each key in order, each message once, none lost', async (t) => {
    const bench = await Bench.open(t);
    const rounds = 120;
    const all = new Collector<Received>();
    const total = (count: number): Promise<unknown> => all.waitForCount(count * keys.length, allComeWithinMs);
    const one = await join(bench, 'one', all);
    const producing = produce(bench, 0, rounds);
    await all.waitForCount(100, allComeWithinMs);
    const two = await join(bench, 'two', all);
    await all.waitForCount(500, allComeWithinMs);
    await join(bench, 'three', all);
    await producing;
    await total(rounds);
    // Who goes while messages are on their way to him: that is in faults/random-cuts.pulsar.test.ts, where it is counted.
    await one.close();
    // Now that all is shared out anew, each of the two has some of what comes.
    await produce(bench, rounds, 30);
    await total(rounds + 30);
    await two.close();
    await produce(bench, rounds + 30, 5);
    await total(rounds + 35);
    for (const key of keys) assert.deepEqual(ofKey(all.items, key), numbers(rounds + 35), `the order of ${key}`);
    const last = all.items.slice(rounds * keys.length);
    const gotBy = (by: string): Set<string> => new Set(last.filter((one) => one.by === by).map(({ key }) => key));
    assert.ok(gotBy('two').size > 0 && gotBy('three').size > 0, 'keys are shared out');
    assert.equal(gotBy('one').size, 0);
  });

  test('sticky ranges: each key goes to the consumer that has its hash, and a range that is taken is refused', async (t) => {
    const bench = await Bench.open(t);
    const all = new Collector<Received>();
    const sticky = (start: number, end: number): Partial<ConsumerConfig> => ({
      keySharedPolicy: { keyShareMode: 'Sticky', stickyRanges: [{ start, end }] },
    });
    await join(bench, 'low', all, sticky(0, 32_767));
    const high = await join(bench, 'high', all, sticky(32_768, 65_535));
    await assert.rejects(join(bench, 'other', all, sticky(100, 200)), pulsarError('ConsumerAssignError'));
    await produce(bench, 0, 10);
    await all.waitForCount(10 * keys.length, allComeWithinMs);
    const consumersOf = (key: string): string[] => [
      ...new Set(all.items.filter((received) => received.key === key).map(({ by }) => by)),
    ];
    for (const key of keys) {
      assert.equal(consumersOf(key).length, 1, `${key} has one consumer`);
      assert.deepEqual(ofKey(all.items, key), numbers(10));
    }
    const keysOfHigh = keys.filter((key) => consumersOf(key)[0] === 'high');
    assert.ok(keysOfHigh.length > 0 && keysOfHigh.length < keys.length);
    // What nobody takes waits for somebody who does.
    await high.close();
    await produce(bench, 10, 1);
    await all.waitForCount(11 * keys.length - keysOfHigh.length, allComeWithinMs);
    await join(bench, 'high again', all, sticky(32_768, 65_535));
    await all.waitForCount(11 * keys.length, allComeWithinMs);
    assert.deepEqual(consumersOf(keysOfHigh[0] as string), ['high', 'high again']);
  });

  test('out of order: a consumer that joins does not wait for what others have not acknowledged', async (t) => {
    const bench = await Bench.open(t);
    const keySharedPolicy = { allowOutOfOrderDelivery: true };
    const holding = await bench.subscribe({ subscriptionType: 'KeyShared', keySharedPolicy });
    await produce(bench, 0, 1);
    // Holds a message of each key, and acknowledges none.
    for (const _ of keys) await holding.receive(20_000);
    const all = new Collector<Received>();
    await join(bench, 'joining', all, { keySharedPolicy });
    await produce(bench, 1, 1);
    // Where order is kept, keys that change hands wait here until the first consumer has acknowledged.
    await all.waitForCount(1, allComeWithinMs);
    assert.deepEqual([...new Set(all.items.map(({ text }) => text))], ['1']);
  });

  test('a broker that removes duplicates takes every batch by key, though their sequence ids are interleaved', async (t) => {
    const bench = await Bench.open(t);
    const namespace = await keepingNamespace(bench.adminUrl);
    const url = `${bench.adminUrl}/admin/v2/namespaces/${namespace}/deduplication`;
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: 'true' });
    assert.ok(response.ok, `deduplication: ${response.status}`);
    const topic = uniqueTopic('keyed', namespace);
    const producer = await bench.client.createProducer({ topic, batchingType: 'KeyBasedBatching' });
    const sent = Array.from({ length: 200 }, (_, index) =>
      producer.send({ data: Buffer.from(String(index)), partitionKey: `k${(index * index) % 7}` }),
    );
    const ids = await Promise.all(sent);
    assert.ok(
      ids.every(({ entryId }) => entryId >= 0n),
      'none was taken for a duplicate',
    );
    const stored = (await readBack(bench.client, topic)).map(({ text }) => Number(text));
    assert.deepEqual(
      [...stored].sort((one, other) => one - other),
      numbers(200),
    );
    assert.notDeepEqual(stored, numbers(200), 'they were in batches by key');
  });
});
