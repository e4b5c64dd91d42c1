import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import {
  compareMessageIds,
  deserializeMessageId,
  earliestMessageId,
  latestMessageId,
  serializeMessageId,
} from '../../src/wire/index.ts';
import type { MessageIdData } from '../../src/wire/index.ts';
import { messageType, messageValue, present } from './protocol.ts';

const ids = messageValue(messageType('MessageIdData'), 1) as fc.Arbitrary<unknown> as fc.Arbitrary<MessageIdData>;

describe('serialized message ids', () => {
  const known: ReadonlyArray<[what: string, id: MessageIdData, hex: string]> = [
    ['earliest', earliestMessageId, '08ffffffffffffffffff0110ffffffffffffffffff01'],
    ['latest', latestMessageId, '08ffffffffffffffff7f10ffffffffffffffff7f'],
    ['not partitioned', { ledgerId: 5n, entryId: 300n, partition: -1, batchIndex: -1, batchSize: 0 }, '080510ac02'],
    ['in a partition', { ledgerId: 5n, entryId: 0n, partition: 0 }, '080510001800'],
    ['in a batch', { ledgerId: 5n, entryId: 1n, partition: 2, batchIndex: 3, batchSize: 10 }, '0805100118022003300a'],
    [
      'of a chunked message',
      { ledgerId: 5n, entryId: 9n, firstChunkMessageId: { ledgerId: 5n, entryId: 7n } },
      '080510093a0408051007',
    ],
  ];
  for (const [what, id, hex] of known) {
    test(`${what}: the bytes of the official clients`, () => {
      const bytes = serializeMessageId(id);
      assert.equal(bytes.toString('hex'), hex);
      assert.equal(compareMessageIds(deserializeMessageId(bytes), id), 0);
      assert.deepEqual(serializeMessageId(deserializeMessageId(bytes)), bytes);
    });
  }

  test('come back with all that they say', () => {
    fc.assert(
      fc.property(ids, ({ ledgerId, entryId, ackSet, partition = 0, batchIndex = 0, batchSize = 0 }) => {
        // Values that say something, as others are left out.
        const spoken = { partition: partition >>> 1, batchIndex: batchIndex >>> 1, batchSize: (batchSize >>> 2) + 1 };
        const whole: MessageIdData = { ledgerId, entryId, ...(ackSet && { ackSet }), ...spoken };
        assert.deepEqual(present(deserializeMessageId(serializeMessageId(whole))), whole);
      }),
    );
  });

  for (const bytes of ['', '08', '0805', '1005', 'ffff', 'not an id']) {
    test(`${JSON.stringify(bytes)} is refused`, () => {
      const wrong = bytes === 'not an id' ? Buffer.from(bytes) : Buffer.from(bytes, 'hex');
      assert.throws(() => deserializeMessageId(wrong), { name: 'WireError', code: 'bad_message_id' });
    });
  }

  test('nested without end do not exhaust the stack', () => {
    const deep = Buffer.concat([Buffer.from('08011002', 'hex'), deeplyNested(200_000)]);
    const firstChunk = { ledgerId: 1n, entryId: 2n };
    assert.deepEqual(present(deserializeMessageId(deep)), { ...firstChunk, firstChunkMessageId: firstChunk });
  });
});

describe('the order of message ids', () => {
  test('goes by ledger, entry, partition, batch index; earliest first and latest last', () => {
    const ordered: MessageIdData[] = [
      earliestMessageId,
      { ledgerId: 1n, entryId: 9n },
      { ledgerId: 2n, entryId: -1n },
      { ledgerId: 2n, entryId: 1n, partition: 0 },
      { ledgerId: 2n, entryId: 1n, partition: 0, batchIndex: 0 },
      { ledgerId: 2n, entryId: 1n, partition: 0, batchIndex: 1 },
      { ledgerId: 2n, entryId: 1n, partition: 1, batchIndex: 0 },
      { ledgerId: 2n, entryId: 2n },
      latestMessageId,
    ];
    assert.deepEqual([...ordered].reverse().sort(compareMessageIds), ordered);
    for (const [index, id] of ordered.entries()) {
      for (const [other, otherId] of ordered.entries()) {
        assert.equal(Math.sign(compareMessageIds(id, otherId)), Math.sign(index - other));
      }
    }
  });

  test('takes an absent part for −1', () => {
    assert.equal(
      compareMessageIds({ ledgerId: 1n, entryId: 1n }, { ledgerId: 1n, entryId: 1n, partition: -1, batchIndex: -1 }),
      0,
    );
  });
});

/** A first chunk in a first chunk, `depth` levels deep, made from the inside out. */
function deeplyNested(depth: number): Buffer {
  const fields = Buffer.from('08011002', 'hex');
  const parts: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < depth; level++) {
    const head = new ByteWriter(16)
      .uint8(0x3a)
      .varint(length + fields.length)
      .bytes(fields)
      .copy();
    parts.push(head);
    length += head.length;
  }
  return Buffer.concat(parts.reverse());
}
