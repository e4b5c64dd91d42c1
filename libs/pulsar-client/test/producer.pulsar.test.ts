// Producers before a real broker.
import assert from 'node:assert/strict';
import { before, describe, test, type TestContext } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { keepingNamespace, sharedPulsar, type SharedPulsar, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../src/admin/admin.ts';
import { Client } from '../src/client.ts';
import { murmur3Hash } from '../src/hashing/murmur3.ts';
import { pulsarError, sendAll } from './support/producers.ts';
import { readBack, type Stored } from './support/read-back.ts';

const timeout = 180_000;

let pulsar: SharedPulsar;
let admin: PulsarAdmin;

before(
  async () => {
    pulsar = await sharedPulsar();
    admin = new PulsarAdmin({ adminUrl: pulsar.adminUrl });
  },
  { timeout },
);

function newClient(t: TestContext): Client {
  const client = new Client({ serviceUrl: pulsar.serviceUrl, initialBackoffMs: 10, maxBackoffMs: 200 });
  t.after(() => client.close());
  return client;
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `m${index}`);
}

function texts(stored: readonly Stored[]): string[] {
  return stored.map(({ text }) => text);
}

describe('producer', { timeout }, () => {
  for (const [what, config] of [
    ['singly', { batchingEnabled: false }],
    ['in batches', { batchingMaxMessages: 10, batchingMaxPublishDelayMs: 0 }],
    ...(['Zlib', 'LZ4', 'ZSTD', 'SNAPPY'] as const).flatMap(
      (compressionType) =>
        [
          [
            `in batches, by ${compressionType}`,
            { batchingMaxMessages: 10, batchingMaxPublishDelayMs: 0, compressionType },
          ],
          [`singly, by ${compressionType}`, { batchingEnabled: false, compressionType }],
        ] as const,
    ),
  ] as const) {
    test(`${what}: every message lies where its id says, in order, as it was`, async (t) => {
      const client = newClient(t);
      const topic = uniqueTopic('producer');
      const producer = await client.createProducer({ topic, ...config });
      const sent = numbered(95).map((text) =>
        producer.send({ data: Buffer.from(text), partitionKey: `key of ${text}`, properties: { text, ü: '☃' } }),
      );
      const ids = await Promise.all(sent);
      await producer.close();
      const stored = await readBack(client, topic);
      assert.deepEqual(texts(stored), numbered(95));
      for (const [index, message] of stored.entries()) {
        assert.equal(String(message.id), String(ids[index]));
        assert.equal(message.index, index);
        assert.equal(message.sequenceId, index);
        assert.equal(message.key, `key of m${index}`);
        assert.deepEqual(message.properties, { text: `m${index}`, ü: '☃' });
        assert.equal(message.producerName, producer.getProducerName());
      }
    });
  }

  test('routes keys to the partitions that their hashes name', async (t) => {
    const client = newClient(t);
    const keys = ['', 'a', 'Grüße', '日本語', '🐌', 'room:42', 'x'.repeat(300)];
    for (const [hashingScheme, hash] of [
      ['JavaStringHash', javaStringHash],
      ['Murmur3_32Hash', murmur3Hash],
    ] as const) {
      const topic = uniqueTopic('partitioned');
      await admin.createPartitionedTopic(topic, 3);
      const producer = await client.createProducer({ topic, hashingScheme, batchingMaxPublishDelayMs: 0 });
      const sent = keys.map((key) => producer.send({ data: Buffer.from(key), partitionKey: key }));
      const partitions = (await Promise.all(sent)).map((id) => id.partition);
      assert.deepEqual(
        partitions,
        keys.map((key) => hash(key) % 3),
      );
      for (const partition of [0, 1, 2]) {
        const expected = keys.filter((key) => hash(key) % 3 === partition);
        const stored = await readBack(client, `${topic}-partition-${partition}`);
        assert.deepEqual(texts(stored), expected);
      }
    }
  });

  test('has a name to itself, which is free again once it is closed', async (t) => {
    const client = newClient(t);
    const topic = uniqueTopic('named');
    const first = await client.createProducer({ topic, producerName: 'only' });
    await assert.rejects(
      newClient(t).createProducer({ topic, producerName: 'only' }),
      pulsarError('ProducerBusy', false),
    );
    await first.close();
    const second = await client.createProducer({ topic, producerName: 'only' });
    assert.equal(second.getProducerName(), 'only');
    const unnamed = [await client.createProducer({ topic }), await client.createProducer({ topic })];
    const names = unnamed.map((producer) => producer.getProducerName());
    assert.notEqual(names[0], names[1]);
  });

  test('sends the largest message that the broker takes, and refuses the next larger one itself', async (t) => {
    const client = newClient(t);
    const topic = uniqueTopic('large');
    const producer = await client.createProducer({ topic, batchingMaxPublishDelayMs: 0 });
    const limit = 5 * 1024 * 1024;
    const sizes = [limit - 200, limit + 1, 10, 2_000_000, 2_000_000, 2_000_000];
    const sent = sizes.map((size) => producer.send({ data: Buffer.alloc(size, 'x') }));
    await assert.rejects(sent[1] as Promise<unknown>, pulsarError('MessageTooBig', false));
    await Promise.all(sent.filter((_, index) => index !== 1));
    const stored = await readBack(client, topic);
    assert.deepEqual(
      stored.map(({ text }) => text.length),
      sizes.filter((_, index) => index !== 1),
    );
  });

  test('loses, repeats and reorders nothing while its topic is unloaded again and again', async (t) => {
    const client = newClient(t);
    const namespace = await keepingNamespace(pulsar.adminUrl);
    await admin.setDeduplication(namespace, true);
    const topic = uniqueTopic('unloaded', namespace);
    await admin.createNonPartitionedTopic(topic);
    let losses = 0;
    const producer = await client.createProducer({
      topic,
      producerName: 'p',
      batchingMaxPublishDelayMs: 0,
      connectionListener: (connected) => (losses += connected ? 0 : 1),
    });
    const sent: Promise<unknown>[] = [];
    for (let round = 0; round < 5; round++) {
      const unloaded = admin.unload(topic);
      for (let burst = 0; burst < 10; burst++) {
        const mine = sendAll(producer, ...numbered(20).map((text) => `${round}.${burst}.${text}`));
        sent.push(...mine);
        await Promise.all(mine);
      }
      await unloaded;
    }
    assert.equal((await Promise.allSettled(sent)).filter(({ status }) => status === 'rejected').length, 0);
    // A broker may let go of a topic again just after somebody attached to it.
    assert.ok(losses >= 5, String(losses));
    const stored = texts(await readBack(client, topic));
    const expected = Array.from({ length: 50 }, (_, burst) =>
      numbered(20).map((text) => `${Math.floor(burst / 10)}.${burst % 10}.${text}`),
    );
    assert.deepEqual(stored, expected.flat());
  });

  test('goes on after the last sequence id of its name; the broker drops what it has', async (t) => {
    const client = newClient(t);
    // A policy of the topic itself would take effect a while after it is set.
    const namespace = await keepingNamespace(pulsar.adminUrl);
    await admin.setDeduplication(namespace, true);
    const topic = uniqueTopic('deduplicated', namespace);
    const config = { topic, producerName: 'p', batchingEnabled: false };
    const first = await client.createProducer(config);
    await Promise.all(sendAll(first, 'a', 'b', 'c'));
    await first.close();
    const second = await client.createProducer(config);
    const repeated = await second.send({ data: Buffer.from('b again'), sequenceId: 1 });
    assert.deepEqual([repeated.ledgerId, repeated.entryId], [-1n, -1n]);
    await second.close();
    const third = await client.createProducer(config);
    await Promise.all(sendAll(third, 'd'));
    const stored = await readBack(client, topic);
    assert.deepEqual(texts(stored), ['a', 'b', 'c', 'd']);
    assert.deepEqual(
      stored.map(({ sequenceId }) => sequenceId),
      [0, 1, 2, 3],
    );
  });

  test('ends where its topic was terminated, and can not be made on one', async (t) => {
    const client = newClient(t);
    const topic = uniqueTopic('terminated');
    const producer = await client.createProducer({ topic, batchingEnabled: false });
    await Promise.all(sendAll(producer, 'last'));
    const path = topic.replace('://', '/');
    const response = await fetch(`${pulsar.adminUrl}/admin/v2/${path}/terminate`, { method: 'POST' });
    assert.equal(response.status, 200);
    await assert.rejects(producer.send({ data: Buffer.from('late') }), pulsarError('TopicTerminated'));
    await assert.rejects(client.createProducer({ topic }), pulsarError('TopicTerminated'));
  });

  test('is not made in a namespace that is not there', async (t) => {
    const client = newClient(t);
    const topic = uniqueTopic('nowhere', 'public/nowhere');
    await assert.rejects(client.createProducer({ topic }), pulsarError('TopicNotFound'));
  });
});
