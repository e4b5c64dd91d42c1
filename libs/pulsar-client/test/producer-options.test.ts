import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import fc from 'fast-check';
import { murmur3Hash } from '../src/hashing/murmur3.ts';
import { PulsarError } from '../src/errors.ts';
import type { ProducerConfig } from '../src/producer/producer-config.ts';
import { PartitionRouter } from '../src/producer/router.ts';
import { producerSettings } from '../src/producer/settings.ts';
import { newProducer, pulsarError, startScripted } from './support/producers.ts';

/** Any of Unicode. fast-check's own unit for it takes seconds to be made. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));

function refused(config: object, text: RegExp): void {
  assert.throws(
    () => producerSettings({ topic: 'chat', ...config }),
    (error) => error instanceof PulsarError && text.test(error.message),
    JSON.stringify(config),
  );
}

describe('producer options', () => {
  test('have the defaults of the official client', () => {
    const settings = producerSettings({ topic: 'chat' });
    const { sendTimeoutMs, maxPendingMessages, maxPendingMessagesAcrossPartitions, blockIfQueueFull } = settings;
    assert.deepEqual(
      { sendTimeoutMs, maxPendingMessages, maxPendingMessagesAcrossPartitions, blockIfQueueFull },
      {
        sendTimeoutMs: 30_000,
        maxPendingMessages: 1000,
        maxPendingMessagesAcrossPartitions: 50_000,
        blockIfQueueFull: false,
      },
    );
    assert.deepEqual(settings.batching, {
      maxDelayMs: 10,
      maxMessages: 1000,
      maxBytes: 131_072,
      keyBased: false,
    });
    assert.equal(producerSettings({ topic: 'chat', batchingEnabled: false }).batching, undefined);
  });

  test('that are unknown, wrong or not supported are refused by name', () => {
    refused({ sendTimeout: 1 }, /no option 'sendTimeout'.*sendTimeoutMs/);
    refused({ sendTimeoutMs: -1 }, /'sendTimeoutMs' is -1, expected an integer, at least 0/);
    refused({ maxPendingMessages: 0 }, /'maxPendingMessages' is 0/);
    refused({ maxPendingMessages: 1.5 }, /'maxPendingMessages' is 1.5/);
    refused({ producerName: '' }, /'producerName' is "", expected text/);
    refused({ compressionType: 'Gzip' }, /'compressionType' is 'Gzip', expected one of None, Zlib, LZ4, ZSTD, SNAPPY/);
    refused({ hashingScheme: 'BoostHash' }, /'BoostHash' is not supported/);
    refused({ messageRoutingMode: 'Random' }, /'messageRoutingMode' is 'Random'/);
    refused({ messageRoutingMode: 'CustomPartition' }, /'CustomPartition' and a messageRouter go together/);
    refused({ messageRouter: () => 0 }, /'CustomPartition' and a messageRouter go together/);
    for (const name of ['publicKeyPath', 'encryptionKey', 'schema', 'accessMode']) {
      refused({ [name]: 'x' }, new RegExp(`'${name}' is not supported`));
    }
    refused({ batchingType: 'KeyBased' }, /'batchingType' is 'KeyBased', expected one of DefaultBatching, KeyBased/);
    refused({ batchingType: 'KeyBasedBatching', batchingEnabled: false }, /needs batchingEnabled/);
    refused({ chunkingEnabled: true }, /'chunkingEnabled' is not supported/);
  });

  test('of the official client that change nothing are taken', () => {
    producerSettings({ topic: 'chat', chunkingEnabled: false, accessMode: 'Shared' } as ProducerConfig);
    producerSettings({ topic: 'chat', batchingType: 'DefaultBatching', producerName: undefined } as never);
  });

  test('are refused before the broker is asked, and so are topics that are none', async (t) => {
    const { broker, client } = await startScripted(t);
    await assert.rejects(
      newProducer(client, { compressionType: 'Gzip' as never }),
      pulsarError('InvalidConfiguration'),
    );
    await assert.rejects(newProducer(client, { topic: 'a/b' }), pulsarError('InvalidTopicName'));
    assert.equal(broker.heard('connect').length, 0);
  });
});

describe('partitioned producer', () => {
  test('keys choose the partition that their hash names, whatever they are made of', () => {
    for (const [hashingScheme, hash] of [
      ['JavaStringHash', javaStringHash],
      ['Murmur3_32Hash', murmur3Hash],
    ] as const) {
      const router = new PartitionRouter(producerSettings({ topic: 'chat', hashingScheme }), 7);
      const property = fc.property(fc.string({ unit: codePoint }), (partitionKey) => {
        const partition = router.partitionOf({ data: Buffer.alloc(0), partitionKey });
        assert.equal(partition, hash(partitionKey) % 7);
        assert.ok(partition >= 0);
      });
      fc.assert(property, { numRuns: 200 });
    }
  });

  test('has a producer for each partition; one that fails fails all', async (t) => {
    const { broker, client } = await startScripted(t, { partitions: 3 });
    const producer = await newProducer(client, { messageRoutingMode: 'RoundRobinDistribution' });
    const topics = broker.heard('producer').map((heard) => heard.command.topic);
    assert.deepEqual(
      topics.sort(),
      [0, 1, 2].map((partition) => `persistent://public/default/chat-partition-${partition}`),
    );
    assert.equal(producer.getTopic(), 'persistent://public/default/chat');
    const ids = await Promise.all([0, 1, 2].map(() => producer.send({ data: Buffer.alloc(0) })));
    assert.deepEqual(
      ids.map((id) => id.partition).sort((a, b) => a - b),
      [0, 1, 2],
    );
    await producer.close();
    assert.equal(broker.heard('closeProducer').length, 3);

    broker.on('producer', (heard) => {
      const { requestId, topic } = heard.command;
      if (topic.endsWith('-1')) heard.peer.say({ type: 'error', command: { requestId, error: 16, message: 'taken' } });
      else broker.welcome(heard);
    });
    await assert.rejects(newProducer(client), pulsarError('ProducerBusy'));
    await broker.hear('closeProducer', 5);
  });
});
