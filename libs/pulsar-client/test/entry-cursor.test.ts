import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter, javaStringHash } from '@pharos/bytes';
import fc from 'fast-check';
import { EntryCursor } from '../src/consumer/entry-cursor.ts';
import type { Entry } from '../src/consumer/entry-consumer.ts';
import { PulsarError } from '../src/errors.ts';
import { MessageId } from '../src/message-id.ts';
import { appendToBatch, type MessageMetadata, type SingleMessageMetadata } from '../src/wire/index.ts';
import { pulsarError } from './support/producers.ts';
import { fuzzRuns } from './support/runs.ts';

const key = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.constantFrom('', 'room', 'Grüße'));
const messages = fc.array(
  fc.record(
    { text: fc.string({ maxLength: 20 }), key, base64: fc.boolean(), property: fc.string({ maxLength: 5 }) },
    { requiredKeys: ['text', 'base64'] },
  ),
  { minLength: 1, maxLength: 6 },
);
type Told = Parameters<typeof metadataOf>[0];

function metadataOf(message: {
  readonly text: string;
  readonly base64: boolean;
  readonly key?: string | undefined;
  readonly property?: string | undefined;
}): SingleMessageMetadata {
  const { text, base64, key: plain, property } = message;
  const binary = base64 && plain !== undefined;
  return {
    payloadSize: Buffer.byteLength(text),
    partitionKey: binary ? Buffer.from(plain).toString('base64') : plain,
    ...(binary ? { partitionKeyB64Encoded: true } : {}),
    properties: property === undefined ? undefined : [{ key: 'p', value: property }],
  };
}

function entryOf(payload: Buffer, batch: boolean, count: number, metadata: Partial<MessageMetadata> = {}): Entry {
  return {
    messageId: new MessageId(7n, 8n, 2),
    metadata: { producerName: 'p', sequenceId: 0, publishTime: 0, ...metadata },
    batch,
    count,
    payload,
    session: 1,
    redeliveryCount: 0,
  };
}

/** The message as an entry of its own. */
function aloneOf(message: Told): Entry {
  const { partitionKey, partitionKeyB64Encoded, properties } = metadataOf(message);
  return entryOf(Buffer.from(message.text), false, 1, { partitionKey, partitionKeyB64Encoded, properties });
}

function batchOf(all: readonly Told[]): Entry {
  const writer = new ByteWriter();
  for (const message of all) appendToBatch(writer, metadataOf(message), Buffer.from(message.text));
  return entryOf(writer.copy(), true, all.length);
}

function assertShows(cursor: EntryCursor, message: Told): void {
  assert.equal(cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd), message.text);
  assert.equal(cursor.key(), message.key);
  assert.equal(cursor.hasKey, message.key !== undefined);
  assert.equal(cursor.keyHash(-5), message.key === undefined ? -5 : javaStringHash(message.key));
  assert.equal(cursor.keyEquals(Buffer.from(message.key ?? '')), message.key !== undefined);
  assert.equal(cursor.keyEquals(Buffer.from(`${message.key ?? ''}x`)), false);
  const properties = message.property === undefined ? [] : [{ key: 'p', value: message.property }];
  assert.equal(cursor.hasProperties, properties.length > 0);
  assert.deepEqual(cursor.properties(), properties);
}

describe('the cursor over entries', () => {
  const cursor = new EntryCursor();

  test('shows every message, in batches and alone, one entry after the other', () => {
    const property = fc.property(messages, (all) => {
      cursor.set(batchOf(all));
      for (const [index, message] of all.entries()) {
        assert.ok(cursor.next());
        assertShows(cursor, message);
        assert.equal(String(cursor.messageId()), `(7,8,2,${index})`);
      }
      assert.equal(cursor.next(), false);
      for (const message of all) {
        cursor.set(aloneOf(message));
        assert.ok(cursor.next());
        assertShows(cursor, message);
        assert.equal(String(cursor.messageId()), '(7,8,2,-1)');
        assert.equal(cursor.next(), false);
      }
    });
    fc.assert(property, fuzzRuns(100));
  });

  test('takes the keys of a batch for what they are, and those of others for others, byte by byte', () => {
    cursor.set(batchOf([{ text: 'a', base64: false, key: 'room1' }]));
    assert.ok(cursor.next());
    for (const [other, same] of [
      ['room1', true],
      ['room2', false],
      ['room', false],
      ['room11', false],
      ['', false],
    ] as const) {
      assert.equal(cursor.keyEquals(Buffer.from(other)), same, other);
    }
  });

  test('says of a batch that is none that it is unreadable, and has no next message then', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      cursor.set(entryOf(Buffer.from(bytes), true, 3));
      try {
        while (cursor.next()) assert.ok(cursor.dataEnd <= bytes.length);
      } catch (error) {
        if (!(error instanceof PulsarError)) throw error;
        assert.equal(error.code, 'InvalidMessage');
        assert.match(error.message, /^entry \(7,8,2,-1\): message \d of a batch of 3/);
      }
      assert.equal(cursor.next(), false);
    });
    fc.assert(property, fuzzRuns(300));
    cursor.set(entryOf(Buffer.alloc(3), true, 2));
    assert.throws(() => cursor.next(), pulsarError('InvalidMessage'));
  });

  test('has nothing before it is set, nor of an entry that can not be read', () => {
    const fresh = new EntryCursor();
    assert.equal(fresh.next(), false);
    assert.equal(fresh.messageId().entryId, -1n);
    const unreadable = new PulsarError('InvalidMessage', 'damaged');
    assert.equal(cursor.set({ ...entryOf(Buffer.alloc(0), false, 1), unreadable }).next(), false);
  });
});
