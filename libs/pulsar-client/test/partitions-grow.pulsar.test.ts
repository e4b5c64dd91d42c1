// The number of a topic's partitions is raised while it is in use.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector, eventually } from '@pharos/testkit';
import { MessageId } from '../src/message-id.ts';
import { Bench, takeTexts, textOf, texts } from './support/consuming.ts';

const timeout = 120_000;
const often = { partitionsUpdateIntervalMs: 250 };

async function raise(bench: Bench, partitions: number): Promise<void> {
  await bench.admin('POST', 'partitions', partitions);
}

describe('a topic gets more partitions while it is in use', { timeout }, () => {
  test('producers, consumers and readers use them, and no message is lost', async (t) => {
    const bench = await Bench.open(t, often);
    await bench.makePartitioned(2);
    const got = { durable: new Collector<string>(), reader: new Collector<string>() };
    const consumer = await bench.subscribe({
      subscriptionInitialPosition: 'Latest',
      listener: (message, from) => {
        got.durable.add(textOf(message));
        from.acknowledge(message).catch(assert.ifError);
      },
    });
    const reader = await bench.read(MessageId.latest(), { listener: (message) => got.reader.add(textOf(message)) });
    const producer = await bench.client.createProducer({
      topic: bench.topic,
      messageRoutingMode: 'RoundRobinDistribution',
      batchingEnabled: false,
    });
    const all: string[] = [];
    const used = new Set<number>();
    const publish = async (): Promise<void> => {
      const text = `m${all.length}`;
      all.push(text);
      used.add((await producer.send({ data: Buffer.from(text) })).partition);
    };
    for (let count = 0; count < 20; count++) await publish();
    await raise(bench, 5);
    // Another client knows of them at once; what it publishes waits for whoever looks later.
    all.push('early');
    const early = await bench.client.createProducer({ topic: `${bench.topic}-partition-4` });
    await early.send({ data: Buffer.from('early') });
    while (used.size < 5) await publish();
    for (const collected of [got.durable, got.reader]) {
      await collected.waitForCount(all.length);
      assert.deepEqual([...collected.items].sort(), [...all].sort());
    }
    assert.equal(consumer.isConnected() && reader.isConnected() && producer.isConnected(), true);
    assert.equal((await consumer.getLastMessageIds()).length, 5);
    // What the new partitions have is acknowledged there, and sought like the rest.
    await consumer.seek(MessageId.earliest());
    await got.durable.waitForCount(2 * all.length);
  });

  test('who connects again looks at once', async (t) => {
    const bench = await Bench.open(t, { partitionsUpdateIntervalMs: 1_000_000 });
    await bench.makePartitioned(1);
    const consumer = await bench.subscribe();
    await raise(bench, 3);
    await bench.admin('PUT', 'unload');
    await eventually(async () => {
      const ids = await consumer.getLastMessageIds().catch(() => []);
      return ids.length === 3 || undefined;
    }, 'the new partitions');
    await bench.publish(...texts(30).map((text) => ({ data: Buffer.from(text), partitionKey: text })));
    assert.deepEqual((await takeTexts(consumer, 30)).sort(), texts(30).sort());
  });
});
