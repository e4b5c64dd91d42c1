// Whatever lies in a topic: an entry of it can be read, or says in one kind of error why not, and takes no other down.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import { compressionCodec, prepareCompression } from '../src/compression/compression.ts';
import { EntryCursor } from '../src/consumer/entry-cursor.ts';
import { readEntry } from '../src/consumer/read-entry.ts';
import { PulsarError } from '../src/errors.ts';
import { appendToBatch, encodeBrokerEntry, encodeEntry } from '../src/wire/index.ts';
import { fuzzRuns } from './support/runs.ts';

const maxBytes = 100_000;
const compressions = [0, 1, 2, 3, 4, 9];

before(prepareCompression);

/** A batch of two, compressed, as a broker hands it over; `lie` goes into the numbers of its metadata. */
function entryBytes(compression: number, lie: { readonly size: number; readonly count: number }): Buffer {
  const batch = new ByteWriter();
  for (const text of ['one', 'two']) {
    appendToBatch(batch, { payloadSize: text.length, partitionKey: 'key' }, Buffer.from(text));
  }
  const plain = batch.copy();
  const payload = compression === 9 ? plain : (compressionCodec(compression)?.compress(plain) ?? plain);
  const writer = new ByteWriter();
  encodeBrokerEntry(writer, { index: 41, brokerTimestamp: 1_700_000_000_000 });
  const sizes = { uncompressedSize: plain.length + lie.size, numMessagesInBatch: 2 + lie.count };
  encodeEntry(writer, { producerName: 'p', sequenceId: 0, publishTime: 0, compression, ...sizes }, payload);
  return writer.copy();
}

/** Reads an entry and all of its messages; how many there are, or why they can't be read. */
function readAll(bytes: Buffer): number | string {
  const command = { consumerId: 1, messageId: { ledgerId: 7n, entryId: 8n } };
  const entry = readEntry(command, bytes, { partition: -1, session: 1, maxBytes });
  if (entry === undefined) return 'checksum';
  if (entry.unreadable !== undefined) {
    assert.ok(entry.unreadable instanceof PulsarError);
    assert.equal(entry.payload.length, 0);
    return entry.unreadable.code;
  }
  assert.ok(entry.payload.length <= Math.max(maxBytes, bytes.length));
  const cursor = new EntryCursor().set(entry);
  let messages = 0;
  try {
    while (cursor.next()) messages++;
  } catch (error) {
    if (!(error instanceof PulsarError)) throw error;
    return error.code;
  }
  return messages;
}

const honest = { size: 0, count: 0 };

describe('an entry', () => {
  test('of every compression is read', () => {
    assert.deepEqual(
      compressions.map((compression) => readAll(entryBytes(compression, honest))),
      [2, 2, 2, 2, 2, 'OperationNotSupported'],
    );
  });

  test('of random bytes can be read or says why not', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void readAll(Buffer.from(bytes)));
    fc.assert(property, fuzzRuns(300));
  });

  test('damaged anywhere does not pass its checksum, or says what is wrong ahead of it', () => {
    const whole = entryBytes(1, honest);
    const property = fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ change;
      // What the broker puts ahead has no checksum: two messages are left where only that is hit.
      const brokerBytes = whole.indexOf(Buffer.from('0e01', 'hex'));
      const read = readAll(damaged);
      assert.ok(at < brokerBytes + 2 || read === 'checksum', `byte ${at}: ${read}`);
    });
    fc.assert(property, fuzzRuns(300));
  });

  test('whose metadata lies about its sizes says so', () => {
    const lies = fc.record({
      size: fc.integer({ min: -20, max: 2 ** 31 }),
      count: fc.integer({ min: 1, max: 2 ** 31 - 3 }),
    });
    const property = fc.property(fc.constantFrom(0, 1, 2, 3, 4), lies, (compression, lie) => {
      assert.equal(readAll(entryBytes(compression, lie)), 'InvalidMessage');
    });
    fc.assert(property, fuzzRuns(200));
  });
});
