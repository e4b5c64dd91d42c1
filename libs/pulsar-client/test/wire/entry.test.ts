import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import { decodeEntry, encodeBrokerEntry, encodeEntry } from '../../src/wire/index.ts';
import type { BrokerEntryMetadata, MessageMetadata } from '../../src/wire/index.ts';
import { messageType, messageValue, present } from './protocol.ts';

const metadatas = messageValue(
  messageType('MessageMetadata'),
) as fc.Arbitrary<unknown> as fc.Arbitrary<MessageMetadata>;
const brokerEntries = messageValue(
  messageType('BrokerEntryMetadata'),
) as fc.Arbitrary<unknown> as fc.Arbitrary<BrokerEntryMetadata>;

function entryOf(metadata: MessageMetadata, payload: Uint8Array, brokerEntry?: BrokerEntryMetadata): Buffer {
  const writer = new ByteWriter(8);
  if (brokerEntry !== undefined) encodeBrokerEntry(writer, brokerEntry);
  encodeEntry(writer, metadata, payload);
  return writer.copy();
}

/** The form without magic number and checksum. */
function withoutChecksum(entry: Buffer): Buffer {
  return entry.subarray(6);
}

const plain = entryOf({ producerName: 'p', sequenceId: 1, publishTime: 2 }, Buffer.from('hello'));

describe('an entry', () => {
  test('comes back whole, with and without broker entry metadata', () => {
    fc.assert(
      fc.property(
        metadatas,
        fc.uint8Array(),
        fc.option(brokerEntries, { nil: undefined }),
        (metadata, bytes, brokerEntry) => {
          const payload = Buffer.from(bytes);
          const decoded = decodeEntry(entryOf(metadata, payload, brokerEntry));
          const expected = { checksumOk: true, metadata, payload };
          assert.deepEqual(present(decoded), brokerEntry === undefined ? expected : { ...expected, brokerEntry });
        },
      ),
    );
  });

  test('without a checksum is understood, and so is one behind broker entry metadata', () => {
    const writer = new ByteWriter();
    encodeBrokerEntry(writer, { index: 41, brokerTimestamp: 1_700_000_000_000 });
    writer.bytes(withoutChecksum(plain));
    for (const [bytes, index] of [
      [withoutChecksum(plain), undefined],
      [writer.view(), 41],
    ] as const) {
      const entry = decodeEntry(bytes);
      assert.ok(entry.checksumOk);
      assert.equal(entry.payload.toString(), 'hello');
      assert.equal(entry.brokerEntry?.index, index);
    }
  });

  test('with any bit behind the checksum flipped says so, and shows nothing of it', () => {
    for (let bit = 6 * 8; bit < plain.length * 8; bit++) {
      const damaged = Buffer.from(plain);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.deepEqual(decodeEntry(damaged), { checksumOk: false, brokerEntry: undefined }, `bit ${bit}`);
    }
  });

  test('with a wrong checksum keeps what the broker said of it', () => {
    const bytes = entryOf({ producerName: 'p', sequenceId: 1, publishTime: 2 }, Buffer.from('x'), { index: 3 });
    bytes[bytes.length - 1] = 0;
    const entry = decodeEntry(bytes);
    assert.equal(entry.checksumOk, false);
    assert.equal(entry.brokerEntry?.index, 3);
  });

  test('is not verified where that is switched off', () => {
    const damaged = Buffer.from(plain);
    damaged[damaged.length - 1] = 0x21;
    const entry = decodeEntry(damaged, { verifyChecksum: false });
    assert.ok(entry.checksumOk);
    assert.equal(entry.payload.toString(), 'hell!');
  });

  const refused: ReadonlyArray<[what: string, hex: string, code: string]> = [
    ['nothing', '', 'malformed'],
    ['one byte', '0e', 'malformed'],
    ['a magic number alone', '0e01', 'malformed'],
    ['metadata beyond its end', '00000009' + '0a0170', 'malformed'],
    ['a negative metadata size', 'ffffffff' + '0a0170', 'malformed'],
    ['broker entry metadata beyond its end', '0e02' + '00000009' + '0805', 'malformed'],
    ['metadata that lacks fields', '00000003' + '0a0170', 'missing_field'],
  ];
  for (const [what, hex, code] of refused) {
    test(`of ${what} is refused`, () => {
      assert.throws(() => decodeEntry(Buffer.from(hex, 'hex')), { name: 'WireError', code });
    });
  }
});
