import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashings } from '../src/hashing/hashing.ts';
import { PartitionRouter } from '../src/producer/router.ts';
import { producerSettings } from '../src/producer/settings.ts';
import type { ProducerConfig } from '../src/producer/producer-config.ts';
import { pulsarError } from './support/producers.ts';

const data = Buffer.alloc(0);

function routerOf(config: Partial<ProducerConfig>, partitions = 5, random = () => 0.5): PartitionRouter {
  return new PartitionRouter(producerSettings({ topic: 'chat', ...config }), partitions, random);
}

describe('hashing', () => {
  // Values of java.lang.String.hashCode() with the sign bit cleared.
  const java = [
    ['', 0],
    ['key1', 3_288_498],
    ['hello', 99_162_322],
    ['polygenelubricants', 0],
    ['ключ', 33_309_882],
    ['😀', 1_772_899],
  ] as const;
  for (const [key, expected] of java) {
    test(`JavaStringHash of '${key}'`, () => assert.equal(hashings.JavaStringHash(key), expected));
  }

  // Published test vectors of MurmurHash3_x86_32 with seed 0, with the sign bit cleared.
  const murmur = [
    ['', 0],
    ['a', 0x3c2569b2],
    ['abc', 0xb3dd93fa & 0x7fffffff],
    ['Hello, world!', 0xc0363e43 & 0x7fffffff],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ] as const;
  for (const [key, expected] of murmur) {
    test(`Murmur3_32Hash of '${key}'`, () => assert.equal(hashings.Murmur3_32Hash(key), expected));
  }
});

describe('routing', () => {
  test('a key goes by its hash, whatever the mode', () => {
    for (const messageRoutingMode of ['UseSinglePartition', 'RoundRobinDistribution'] as const) {
      assert.equal(routerOf({ messageRoutingMode }).partitionOf({ data, partitionKey: 'hello' }), 99_162_322 % 5);
    }
    const murmur = routerOf({ hashingScheme: 'Murmur3_32Hash' });
    assert.equal(murmur.partitionOf({ data, partitionKey: 'a' }), 0x3c2569b2 % 5);
  });

  test('one partition takes all messages without a key', () => {
    const router = routerOf({});
    const chosen = new Set(Array.from({ length: 100 }, () => router.partitionOf({ data })));
    assert.deepEqual([...chosen], [2]);
  });

  test('round robin goes on with each batch, or each message where there are none', () => {
    const single = routerOf({ messageRoutingMode: 'RoundRobinDistribution', batchingEnabled: false });
    const inTurn = Array.from({ length: 10 }, () => single.partitionOf({ data }));
    assert.deepEqual(inTurn, [3, 4, 0, 1, 2, 3, 4, 0, 1, 2]);
    const batched = routerOf({
      messageRoutingMode: 'RoundRobinDistribution',
      batchingMaxMessages: 3,
      batchingMaxPublishDelayMs: 60_000,
    });
    const first = batched.partitionOf({ data });
    const rest = Array.from({ length: 5 }, () => batched.partitionOf({ data }));
    assert.deepEqual(rest, [first, first, (first + 1) % 5, (first + 1) % 5, (first + 1) % 5]);
  });

  test('a custom router sees message and partitions, and must choose one of them', () => {
    const config = { messageRoutingMode: 'CustomPartition' } as const;
    const router = routerOf({
      ...config,
      messageRouter: (message, { numPartitions }) => message.getData().length % numPartitions,
    });
    assert.equal(router.partitionOf({ data: Buffer.alloc(7) }), 2);
    const wrong = routerOf({ ...config, messageRouter: () => 5 });
    assert.throws(() => wrong.partitionOf({ data }), pulsarError('InvalidConfiguration'));
  });
});
