import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import { appendToBatch, BatchCursor } from '../../src/wire/index.ts';
import type { SingleMessageMetadata } from '../../src/wire/index.ts';
import { encodeByProtobufjs, messageType, messageValue, present } from './protocol.ts';

interface BatchMessage {
  readonly metadata: SingleMessageMetadata;
  readonly payload: Buffer;
}

const messageMetadata = messageType('SingleMessageMetadata');
const batchMessages: fc.Arbitrary<BatchMessage[]> = fc.array(
  fc.tuple(messageValue(messageMetadata), fc.uint8Array({ maxLength: 200 })).map(([metadata, bytes]) => ({
    metadata: { ...metadata, payloadSize: bytes.length },
    payload: Buffer.from(bytes),
  })),
  { maxLength: 5 },
);

function batchOf(messages: readonly BatchMessage[]): Buffer {
  const writer = new ByteWriter(8);
  for (const { metadata, payload } of messages) appendToBatch(writer, metadata, payload);
  return writer.copy();
}

/** What the cursor says of its message, in terms of the metadata. */
function shown(cursor: BatchCursor): unknown {
  return {
    key: cursor.keyStart < 0 ? undefined : cursor.buffer.toString('utf8', cursor.keyStart, cursor.keyEnd),
    keyIsBase64: cursor.keyIsBase64,
    properties: cursor.propertiesPresent,
    eventTime: cursor.eventTimePresent,
    compactedOut: cursor.compactedOut,
    nullValue: cursor.nullValue,
    data: cursor.buffer.toString('hex', cursor.dataStart, cursor.dataEnd),
  };
}

function expectedOf({ metadata, payload }: BatchMessage): unknown {
  return {
    key: metadata.partitionKey,
    keyIsBase64: metadata.partitionKeyB64Encoded ?? false,
    properties: metadata.properties !== undefined,
    eventTime: metadata.eventTime !== undefined,
    compactedOut: metadata.compactedOut ?? false,
    nullValue: metadata.nullValue ?? false,
    data: payload.toString('hex'),
  };
}

describe('a batch', () => {
  test('has the bytes that protobufjs and the description of the format give', () => {
    fc.assert(
      fc.property(batchMessages, (messages) => {
        const parts = messages.flatMap(({ metadata, payload }) => {
          const bytes = encodeByProtobufjs(messageMetadata, metadata);
          const size = Buffer.alloc(4);
          size.writeUInt32BE(bytes.length);
          return [size, bytes, payload];
        });
        assert.deepEqual(batchOf(messages), Buffer.concat(parts));
      }),
    );
  });

  test('is walked over message by message, each with its own metadata', () => {
    const cursor = new BatchCursor();
    fc.assert(
      fc.property(batchMessages, (messages) => {
        cursor.reset(batchOf(messages), messages.length);
        for (const [index, message] of messages.entries()) {
          assert.equal(cursor.next(), true);
          assert.equal(cursor.index, index);
          assert.deepEqual(shown(cursor), expectedOf(message));
          assert.deepEqual(present(cursor.singleMessageMetadata()), message.metadata);
        }
        assert.equal(cursor.next(), false);
        assert.equal(cursor.next(), false);
      }),
    );
  });

  test('cut anywhere is refused, and leaves no message behind', () => {
    const batch = batchOf([
      {
        metadata: { payloadSize: 3, partitionKey: 'a', properties: [{ key: 'k', value: 'v' }] },
        payload: Buffer.from('one'),
      },
      { metadata: { payloadSize: 3, eventTime: 5, orderingKey: Buffer.from('o') }, payload: Buffer.from('two') },
    ]);
    const cursor = new BatchCursor();
    for (let length = 0; length < batch.length; length++) {
      cursor.reset(batch.subarray(0, length), 2);
      assert.throws(() => walk(cursor), { name: 'WireError', code: 'malformed' }, `cut at ${length}`);
      assert.equal(cursor.next(), false);
    }
  });

  const refused: ReadonlyArray<[what: string, hex: string, code: string, message: RegExp]> = [
    [
      'metadata without payload_size',
      '00000003' + '120161',
      'missing_field',
      /message 0 of a batch of 1 has no payload_size/,
    ],
    [
      'a negative payload_size',
      '0000000b' + '18ffffffffffffffffff01',
      'malformed',
      /has 0 bytes for a payload of 18446744073709552000/,
    ],
    ['a negative metadata size', 'ffffffff' + '1800', 'malformed', /has 2 bytes for metadata of 4294967295/],
    ['a key beyond the metadata', '00000004' + '12031800', 'malformed', /has 2 bytes for a field of 3/],
    ['a varint of eleven bytes', '0000000c' + '18ffffffffffffffffffff01', 'malformed', /varint without an end/],
    [
      'a field whose value lies beyond the metadata',
      '00000001' + '18' + '00',
      'malformed',
      /ends within a field of its metadata/,
    ],
    ['metadata beyond the batch', '00000003' + '1800', 'malformed', /has 2 bytes for metadata of 3/],
    ['a group', '00000003' + '131800', 'malformed', /field of wire type 3/],
    ['field number 0', '00000004' + '00011800', 'malformed', /field of number 0/],
  ];
  for (const [what, hex, code, message] of refused) {
    test(`with ${what} is refused`, () => {
      const cursor = new BatchCursor();
      cursor.reset(Buffer.from(hex, 'hex'), 1);
      assert.throws(() => cursor.next(), { name: 'WireError', code, message });
    });
  }

  test('skips unknown fields of every wire type', () => {
    const cursor = new BatchCursor();
    const fields = 'f83e8001' + 'f93e0102030405060708' + 'fa3e0161' + 'fd3e01020304' + '12016b' + '1801';
    cursor.reset(Buffer.from(`${(fields.length / 2).toString(16).padStart(8, '0')}${fields}21`, 'hex'), 1);
    assert.equal(cursor.next(), true);
    assert.deepEqual(
      [cursor.buffer.toString('utf8', cursor.keyStart, cursor.keyEnd), cursor.buffer[cursor.dataStart]],
      ['k', 0x21],
    );
  });

  test('does not take a wrong payload size', () => {
    assert.throws(() => appendToBatch(new ByteWriter(), { payloadSize: 2 }, Buffer.from('abc')), RangeError);
  });
});

function walk(cursor: BatchCursor): void {
  while (cursor.next());
}
