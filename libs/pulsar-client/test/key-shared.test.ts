// How keys are shared out, as far as a client has a say in it: what a policy may be, and which messages share a batch.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { keySharedMeta, type KeySharedPolicy } from '../src/consumer/key-shared.ts';
import { batchesByKey } from '../src/producer/key-batches.ts';
import type { Outgoing } from '../src/producer/outgoing.ts';
import { decodeEntry, keySharedMode } from '../src/wire/index.ts';
import { newProducer, pulsarError, startScripted } from './support/producers.ts';

const sticky = (...stickyRanges: { start: number; end: number }[]): KeySharedPolicy => ({
  keyShareMode: 'Sticky',
  stickyRanges,
});

describe('a policy of keys', () => {
  test('becomes what SUBSCRIBE says', () => {
    const { autoSplit, sticky: stickyMode } = keySharedMode;
    assert.deepEqual(keySharedMeta(), { keySharedMode: autoSplit, allowOutOfOrderDelivery: false });
    const ranges = [
      { start: 32_768, end: 65_535 },
      { start: 0, end: 0 },
    ];
    assert.deepEqual(keySharedMeta({ ...sticky(...ranges), allowOutOfOrderDelivery: true }), {
      keySharedMode: stickyMode,
      hashRanges: ranges,
      allowOutOfOrderDelivery: true,
    });
  });

  const refused: readonly [string, object, RegExp][] = [
    ['an option that there is none of', { mode: 'Sticky' }, /no option 'mode'/],
    ['a mode that there is none of', { keyShareMode: 'sticky' }, /'sticky', expected one of AutoSplit, Sticky/],
    ['ranges without their mode', { stickyRanges: [{ start: 0, end: 1 }] }, /stickyRanges need keyShareMode 'Sticky'/],
    ['no ranges', sticky(), /at least one/],
    ['a range from behind its end', sticky({ start: 2, end: 1 }), /stickyRanges\[0\] is 2 to 1/],
    ['a range beyond the hashes', sticky({ start: 0, end: 1 }, { start: 9, end: 65_536 }), /\[1\] is 9 to 65536/],
    ['a range below them', sticky({ start: -1, end: 1 }), /stickyRanges\[0\].start' is -1/],
    ['half a range', { keyShareMode: 'Sticky', stickyRanges: [{ start: 1 }] }, /\[0\] is 1 to undefined/],
    ['a hash in two ranges', sticky({ start: 5, end: 9 }, { start: 0, end: 5 }), /0 to 5 and 5 to 9 overlap/],
  ];
  for (const [name, policy, message] of refused) {
    test(`${name}: refused`, () => {
      assert.throws(
        () => keySharedMeta(policy),
        (error) => pulsarError('InvalidConfiguration')(error) && message.test(String(error)),
      );
    });
  }
});

describe('batches by key', { timeout: 20_000 }, () => {
  test('one key each, its order kept, last sequence ids rising; nothing is lost', () => {
    const keys = fc.record({
      partitionKey: fc.option(fc.constantFrom('a', 'b', 'oa'), { nil: undefined }),
      orderingKey: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    });
    const property = fc.property(fc.array(keys, { maxLength: 40 }), (all) => {
      const messages = all.map((key, sequenceId) => ({ message: { data: Buffer.alloc(0), ...key }, sequenceId }));
      const batches = batchesByKey(messages as unknown as Outgoing[]);
      assert.equal(batches.flat().length, messages.length);
      let last = -1;
      const seen = new Set<string>();
      for (const batch of batches) {
        const names = batch.map(({ message }) => message.orderingKey ?? `p ${message.partitionKey}`);
        assert.equal(new Set(names).size, 1, 'one key in a batch');
        assert.equal(seen.has(names[0] as string), false, 'one batch of a key');
        seen.add(names[0] as string);
        const ids = batch.map(({ sequenceId }) => sequenceId);
        assert.deepEqual(
          ids,
          [...ids].sort((one, other) => one - other),
        );
        assert.ok((ids.at(-1) as number) > last, 'a broker that removes duplicates takes it');
        last = ids.at(-1) as number;
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('entries carry their key and the last sequence id alone, and each message gets its own id', async (t) => {
    const { broker, client } = await startScripted(t);
    const batching = { batchingEnabled: true, batchingMaxPublishDelayMs: 0, batchingType: 'KeyBasedBatching' } as const;
    const producer = await newProducer(client, batching);
    const keys = ['a', 'b', 'b', 'a', undefined];
    const sent = keys.map((partitionKey, index) =>
      producer.send({ data: Buffer.from(String(index)), ...(partitionKey === undefined ? {} : { partitionKey }) }),
    );
    const ids = await Promise.all(sent);
    const entries = broker.heard('send').map(({ command, entry }) => {
      const decoded = decodeEntry(entry as Buffer);
      assert.ok(decoded.checksumOk);
      const { metadata } = decoded;
      const { partitionKey, numMessagesInBatch, sequenceId, highestSequenceId } = metadata;
      assert.deepEqual([command.sequenceId, command.highestSequenceId], [sequenceId, undefined]);
      return [partitionKey, numMessagesInBatch, sequenceId, highestSequenceId];
    });
    assert.deepEqual(entries, [
      ['b', 2, 2, undefined],
      ['a', 2, 3, undefined],
      [undefined, undefined, 4, undefined],
    ]);
    assert.deepEqual(
      ids.map(({ entryId, batchIndex }) => [Number(entryId), batchIndex]),
      [
        [1, 0],
        [0, 0],
        [0, 1],
        [1, 1],
        [2, -1],
      ],
    );
  });

  test('a batch that is too large with its metadata: all goes alone, in the order of sending', async (t) => {
    const { broker, client } = await startScripted(t, { maxMessageSize: 1000 });
    const batching = { batchingEnabled: true, batchingMaxPublishDelayMs: 0, batchingType: 'KeyBasedBatching' } as const;
    const producer = await newProducer(client, batching);
    // Its length is counted in characters, and each of them has three bytes.
    const wide = { text: '…'.repeat(180) };
    const keys = ['a', 'b', 'b', 'a'];
    const sent = keys.map((partitionKey, index) =>
      producer.send({ data: Buffer.from(String(index)), partitionKey, properties: index === 1 ? {} : wide }),
    );
    await Promise.all(sent);
    const ids = broker.heard('send').map(({ command }) => command.sequenceId);
    assert.deepEqual(ids, [0, 1, 2, 3]);
  });
});
