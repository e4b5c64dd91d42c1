import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { entryIdData, MessageId } from '../src/message-id.ts';

const anyId = fc
  .record({
    ledgerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
    entryId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
    partition: fc.integer({ min: -1, max: 1000 }),
    batchIndex: fc.integer({ min: -1, max: 5000 }),
    batchSize: fc.integer({ min: 0, max: 5000 }),
  })
  .map((parts) => MessageId.of(parts));

describe('MessageId', () => {
  test('survives being stored', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const again = MessageId.deserialize(id.serialize());
        assert.deepEqual(again, id);
        assert.equal(again.compare(id), 0);
      }),
      { numRuns: 300 },
    );
  });

  test('has the bytes that official clients write', () => {
    // Field numbers 1, 2, 3, 4, 6 of MessageIdData, by hand; what says nothing is left out.
    assert.equal(new MessageId(5n, 300n, 2, 1, 10).serialize().toString('hex'), '080510ac0218022001300a');
    assert.equal(new MessageId(5n, 300n).serialize().toString('hex'), '080510ac02');
  });

  test('refuses bytes that are none', () => {
    assert.throws(() => MessageId.deserialize(Buffer.from('not an id')), {
      name: 'PulsarError',
      code: 'InvalidMessage',
    });
    assert.throws(() => MessageId.deserialize(Buffer.alloc(0)), { name: 'PulsarError', code: 'InvalidMessage' });
  });

  test('is ordered by ledger, entry, partition, batch index', () => {
    const ids = [
      MessageId.earliest(),
      new MessageId(1n, 9n),
      new MessageId(2n, 0n),
      new MessageId(2n, 0n, -1, 0, 3),
      new MessageId(2n, 0n, -1, 2, 3),
      new MessageId(2n, 0n, 1),
      new MessageId(10n, 0n),
      MessageId.latest(),
    ];
    const shuffled = [3, 7, 0, 5, 2, 6, 1, 4].map((index) => ids[index] as MessageId);
    assert.deepEqual(shuffled.sort((a, b) => a.compare(b)).map(String), ids.map(String));
  });

  test('is shown as ledger, entry, partition and batch index', () => {
    assert.equal(String(new MessageId(5n, 300n, 2, 1, 10)), '(5,300,2,1)');
    assert.equal(String(MessageId.earliest()), '(-1,-1,-1,-1)');
  });

  test('goes to the broker as a whole entry, without a partition where there is none', () => {
    assert.deepEqual(entryIdData(new MessageId(5n, 300n, -1, 1, 10)), {
      ledgerId: 5n,
      entryId: 300n,
      partition: undefined,
    });
    assert.equal(entryIdData({ ledgerId: 5n, entryId: 300n, partition: 2 }).partition, 2);
  });

  test('is made of its parts with their defaults', () => {
    assert.deepEqual(MessageId.of({ ledgerId: 1n, entryId: 2n }), new MessageId(1n, 2n, -1, -1, 0));
    const id = new MessageId(1n, 2n);
    assert.equal(MessageId.of(id), id);
  });
});
