import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader, ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import { decodeMessageIdData } from '../../src/wire/message-id.ts';
import { decodeMessageMetadata, encodeMessageMetadata } from '../../src/wire/message-metadata.ts';
import { fuzzRuns } from '../support/runs.ts';
import { messageCodecs } from './message-codecs.ts';
import { decodeByProtobufjs, encodeByProtobufjs, messageType, messageValue, present } from './protocol.ts';

describe('messages that are not commands', () => {
  for (const [name, { encode, decode }] of Object.entries(messageCodecs)) {
    const type = messageType(name);

    test(`${name}: the same bytes as protobufjs, read by each other and by itself`, () => {
      fc.assert(
        fc.property(messageValue(type, 1), (value) => {
          const writer = new ByteWriter(8);
          encode(writer, value as never);
          const ours = writer.copy();
          const theirs = encodeByProtobufjs(type, value);
          assert.equal(ours.toString('hex'), theirs.toString('hex'));
          assert.deepEqual(decodeByProtobufjs(type, ours), value);
          assert.deepEqual(present(decode(new ByteReader(theirs))), value);
        }),
        fuzzRuns(60),
      );
    });

    test(`${name}: unknown fields of every wire type are skipped`, () => {
      const unknown = Buffer.from('f83e01' + 'f93e0102030405060708' + 'fa3e0161' + 'fd3e01020304', 'hex');
      fc.assert(
        fc.property(messageValue(type, 1), (value) => {
          const known = encodeByProtobufjs(type, value);
          assert.deepEqual(present(decode(new ByteReader(Buffer.concat([unknown, known, unknown])))), value);
        }),
        { numRuns: 20 },
      );
    });
  }
});

describe('integers that foreign producers choose', () => {
  const metadata = { producerName: 'p', sequenceId: 0, publishTime: 0 };

  test('beyond 2^53 are rounded, so that such a message breaks no consumer', () => {
    const writer = new ByteWriter();
    encodeMessageMetadata(writer, metadata);
    writer.varint(12 << 3).varint64(2n ** 62n + 1n);
    assert.equal(decodeMessageMetadata(new ByteReader(writer.view())).eventTime, 2 ** 62);
  });

  test('of all ones are −1', () => {
    const writer = new ByteWriter();
    encodeMessageMetadata(writer, { ...metadata, sequenceId: -1 });
    assert.equal(writer.view().toString('hex'), '0a0170' + '10ffffffffffffffffff01' + '1800');
    assert.equal(decodeMessageMetadata(new ByteReader(writer.view())).sequenceId, -1);
  });
});

describe('lengths that take more than one byte', () => {
  for (const length of [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    test(`a string of ${length} bytes in a nested message keeps its neighbours`, () => {
      const value = {
        producerName: 'p',
        sequenceId: 1,
        publishTime: 2,
        properties: [{ key: 'x'.repeat(length), value: 'v' }],
        uuid: 'u',
      };
      const writer = new ByteWriter(8);
      encodeMessageMetadata(writer, value);
      assert.ok(writer.view().equals(encodeByProtobufjs(messageType('MessageMetadata'), value)));
      assert.deepEqual(present(decodeMessageMetadata(new ByteReader(writer.view()))), value);
    });
  }
});

test('a packed ack set is read like an unpacked one', () => {
  const id = decodeMessageIdData(new ByteReader(Buffer.from('08011002' + '2a0b05ffffffffffffffffff01', 'hex')));
  assert.deepEqual(id.ackSet, [5n, -1n]);
});
