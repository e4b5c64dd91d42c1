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

function refused(config: object, text: RegExp): void {
  assert.throws(
    () => producerSettings({ topic: 'chat', ...config } as ProducerConfig),
    (error) => error instanceof PulsarError && text.test(error.message),
    JSON.stringify(config),
  );
}

function routerOf(config: Partial<ProducerConfig>, partitions: number, random?: () => number): PartitionRouter {
  return new PartitionRouter(producerSettings({ topic: 'chat', ...config }), partitions, random);
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
    assert.deepEqual(settings.batching, { maxDelayMs: 10, maxMessages: 1000, maxBytes: 131_072 });
    assert.equal(producerSettings({ topic: 'chat', batchingEnabled: false }).batching, undefined);
  });

  test('that are unknown, wrong or not supported are refused by name', () => {
    refused({ sendTimeout: 1 }, /no option 'sendTimeout'.*sendTimeoutMs/);
    refused({ sendTimeoutMs: -1 }, /'sendTimeoutMs' is -1, expected an integer, at least 0/);
    refused({ maxPendingMessages: 0 }, /'maxPendingMessages' is 0/);
    refused({ maxPendingMessages: 1.5 }, /'maxPendingMessages' is 1.5/);
    refused({ producerName: '' }, /'producerName' is "", expected text/);
    refused({ compressionType: 'LZ4' }, /LZ4 is not supported/);
    refused({ compressionType: 'Gzip' }, /'compressionType' is 'Gzip', expected one of None, Zlib/);
    refused({ hashingScheme: 'BoostHash' }, /'BoostHash' is not supported/);
    refused({ messageRoutingMode: 'Random' }, /'messageRoutingMode' is 'Random'/);
    refused({ messageRoutingMode: 'CustomPartition' }, /messageRouter and 'CustomPartition' go together/);
    refused({ messageRouter: () => 0 }, /messageRouter and 'CustomPartition' go together/);
    for (const name of ['publicKeyPath', 'encryptionKey', 'schema', 'accessMode', 'batchingType']) {
      refused({ [name]: 'x' }, new RegExp(`'${name}' is not supported`));
    }
    refused({ chunkingEnabled: true }, /'chunkingEnabled' is not supported/);
  });

  test('of the official client that change nothing are taken', () => {
    producerSettings({ topic: 'chat', chunkingEnabled: false, accessMode: 'Shared' } as ProducerConfig);
    producerSettings({ topic: 'chat', batchingType: 'DefaultBatching', producerName: undefined } as never);
  });

  test('are refused before the broker is asked, and so are topics that are none', async (t) => {
    const { broker, client } = await startScripted(t);
    await assert.rejects(newProducer(client, { compressionType: 'ZSTD' }), pulsarError('OperationNotSupported'));
    await assert.rejects(newProducer(client, { topic: 'a/b' }), pulsarError('InvalidTopicName'));
    assert.equal(broker.heard('connect').length, 0);
  });
});

describe('hashes of keys', () => {
  // From the tests of the official clients.
  test('are those of other clients', () => {
    assert.equal(murmur3Hash(''), 0);
    assert.equal(murmur3Hash('hello'), 0x248bfa47);
    assert.equal(murmur3Hash('test'), 0x3a6bd213);
    assert.equal(murmur3Hash('k1'), 2_110_152_746);
    assert.equal(murmur3Hash('key1'), 462_881_061);
    assert.equal(murmur3Hash('key01'), 39_696_932);
    assert.equal(javaStringHash('hello'), 0x5e918d2);
    assert.equal(javaStringHash('test'), 0x364492);
  });

  test('choose the partition, whatever the routing mode', () => {
    for (const messageRoutingMode of ['UseSinglePartition', 'RoundRobinDistribution'] as const) {
      for (const [hashingScheme, hash] of [
        ['JavaStringHash', javaStringHash],
        ['Murmur3_32Hash', murmur3Hash],
      ] as const) {
        const router = routerOf({ messageRoutingMode, hashingScheme }, 7);
        const property = fc.property(fc.string({ unit: 'binary' }), (partitionKey) => {
          const partition = router.partitionOf({ data: Buffer.alloc(0), partitionKey });
          assert.equal(partition, hash(partitionKey) % 7);
          assert.ok(partition >= 0);
        });
        fc.assert(property, { numRuns: 200 });
      }
    }
  });
});

describe('routing without a key', () => {
  const message = { data: Buffer.alloc(0) };

  test('stays on one partition, which differs between producers', () => {
    const router = routerOf({}, 4, () => 0.6);
    assert.deepEqual(
      [0, 1, 2].map(() => router.partitionOf(message)),
      [2, 2, 2],
    );
    assert.equal(routerOf({}, 4, () => 0).partitionOf(message), 0);
  });

  test('goes round by batches, or by messages where there are none', () => {
    const single = routerOf({ messageRoutingMode: 'RoundRobinDistribution', batchingEnabled: false }, 3, () => 0);
    assert.deepEqual(
      [0, 1, 2, 3].map(() => single.partitionOf(message)),
      [1, 2, 0, 1],
    );
    const config = { batchingMaxMessages: 2, batchingMaxPublishDelayMs: 60_000 };
    const batched = routerOf({ messageRoutingMode: 'RoundRobinDistribution', ...config }, 3, () => 0);
    const [first = 0, ...others] = Array.from({ length: 6 }, () => batched.partitionOf(message));
    const next = (first + 1) % 3;
    assert.deepEqual([first, ...others], [first, first, next, next, (next + 1) % 3, (next + 1) % 3]);
  });

  test('asks a custom router, and says where it chose none', () => {
    const messageRoutingMode = 'CustomPartition';
    const router = routerOf(
      { messageRoutingMode, messageRouter: (m, topic) => m.getData().length % topic.numPartitions },
      3,
    );
    assert.equal(router.partitionOf({ data: Buffer.alloc(5), partitionKey: 'k' }), 2);
    const lost = routerOf({ messageRoutingMode, messageRouter: () => 3 }, 3);
    assert.throws(() => lost.partitionOf(message), /chose partition 3, expected 0 to 2/);
  });

  test('a partitioned topic has a producer for each partition; one that fails fails all', async (t) => {
    const { broker, client } = await startScripted(t, { partitions: 3 });
    const producer = await newProducer(client, { messageRoutingMode: 'RoundRobinDistribution' });
    const topics = broker.heard('producer').map((heard) => heard.command.topic);
    assert.deepEqual(
      topics.sort(),
      [0, 1, 2].map((partition) => `persistent://public/default/chat-partition-${partition}`),
    );
    assert.equal(producer.getTopic(), 'persistent://public/default/chat');
    const ids = await Promise.all([0, 1, 2].map(() => producer.send(message)));
    assert.deepEqual(ids.map((id) => id.partition).sort(), [0, 1, 2]);
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
