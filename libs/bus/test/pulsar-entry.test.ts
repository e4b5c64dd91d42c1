import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LaneEntry } from '@pharos/bus';
import { ByteWriter, javaStringHash } from '@pharos/bytes';
import type { Entry } from '@pharos/pulsar-client';
import { PulsarLaneEntry } from '../src/pulsar/pulsar-entry.ts';
import { laneRouting } from '../src/routing.ts';
import { readEntry } from './conformance/harness.ts';

interface BatchMessage {
  readonly key?: string;
  readonly base64?: boolean;
  readonly properties?: Readonly<Record<string, string>>;
  readonly data: string;
}

/** A batch as an outside producer writes it: `[size][SingleMessageMetadata][payload]` for each message. */
function batchOf(messages: readonly BatchMessage[]): Buffer {
  const writer = new ByteWriter();
  for (const message of messages) {
    const metadata = new ByteWriter();
    for (const [name, value] of Object.entries(message.properties ?? {})) {
      const pair = new ByteWriter()
        .uint8(0x0a)
        .varint(name.length)
        .utf8(name)
        .uint8(0x12)
        .varint(value.length)
        .utf8(value);
      metadata.uint8(0x0a).varint(pair.length).bytes(pair.view());
    }
    if (message.key !== undefined) metadata.uint8(0x12).varint(Buffer.byteLength(message.key)).utf8(message.key);
    metadata.uint8(0x18).varint(Buffer.byteLength(message.data));
    if (message.base64 === true) metadata.uint8(0x30).varint(1);
    writer.uint32(metadata.length).bytes(metadata.view()).utf8(message.data);
  }
  return writer.copy();
}

interface Shape {
  readonly payload: Buffer;
  readonly count: number;
  readonly batch?: boolean;
  readonly metadata?: object;
  readonly brokerTimestampMs?: number;
}

const unreadable: string[] = [];

function laneEntry(shape: Shape, skip = 0, lanes = 1): PulsarLaneEntry {
  const entry = {
    messageId: { ledgerId: 7n, entryId: 8n },
    metadata: { producerName: 'outside', sequenceId: 0, publishTime: 1000, ...shape.metadata },
    batch: shape.batch ?? true,
    count: shape.count,
    payload: shape.payload,
    session: 1,
    redeliveryCount: 0,
    ...(shape.brokerTimestampMs === undefined
      ? {}
      : { brokerEntry: { index: 0, brokerTimestampMs: shape.brokerTimestampMs } }),
  } as unknown as Entry;
  const context = {
    routing: laneRouting(0, lanes, 'lobby'),
    onUnreadable: (position: string) => unreadable.push(position),
  };
  return new PulsarLaneEntry(context, entry, 41, skip);
}

describe('an entry of Pulsar', () => {
  test('gives each message of a batch as it lies there, base64 keys decoded', () => {
    const key = Buffer.from('Grüße').toString('base64');
    const messages = [{ data: 'keyless' }, { key: '東京', data: 'wide' }, { key, base64: true, data: 'binary key' }];
    const entry = laneEntry({ payload: batchOf(messages), count: 3, brokerTimestampMs: 2000 });
    assert.deepEqual(
      readEntry(entry).map(({ offset, channel, text, keyHash, position }) => [
        offset,
        channel,
        text,
        keyHash,
        position,
      ]),
      [
        [41, 'lobby', 'keyless', javaStringHash('lobby'), '7:8:0'],
        [42, '東京', 'wide', javaStringHash('東京'), '7:8:1'],
        [43, 'Grüße', 'binary key', javaStringHash('Grüße'), '7:8:2'],
      ],
    );
    assert.equal(entry.publishTimeMs, 2000);
    assert.equal(entry.position, '7:8');
    assert.equal(laneEntry({ payload: batchOf(messages), count: 3 }).publishTimeMs, 1000);
  });

  test('hides what a tail began after', () => {
    const messages = ['a', 'b', 'c'].map((data) => ({ data }));
    const entry = laneEntry({ payload: batchOf(messages), count: 3 }, 2);
    assert.equal(entry.firstOffset, 43);
    assert.deepEqual(
      readEntry(entry).map(({ offset, text, position }) => [offset, text, position]),
      [[43, 'c', '7:8:2']],
    );
  });

  test('gives a message that is an entry by itself, with its key and properties from the metadata', () => {
    const metadata = {
      partitionKey: Buffer.from('ключ').toString('base64'),
      partitionKeyB64Encoded: true,
      properties: [{ key: 'a', value: 'b' }],
    };
    const entry = laneEntry({ payload: Buffer.from('alone'), count: 1, batch: false, metadata });
    const [seen] = readEntry(entry);
    assert.deepEqual(
      [seen?.channel, seen?.text, seen?.position, seen?.properties, seen?.keyHash],
      ['ключ', 'alone', '7:8', { a: 'b' }, javaStringHash('ключ')],
    );
  });

  test('a message by itself is not read by the key place of the batch before it, on one tail', () => {
    const batch = laneEntry({
      payload: batchOf([
        { key: 'aaaa', data: 'x' },
        { key: 'bbbb', data: 'y' },
      ]),
      count: 2,
    });
    readEntry(batch);
    const alone = (metadata: object): Entry =>
      ({
        messageId: { ledgerId: 7n, entryId: 9n },
        metadata: { producerName: 'outside', sequenceId: 1, publishTime: 1000, ...metadata },
        batch: false,
        count: 1,
        payload: Buffer.from('{"channel":"forged","more":"bytes"}'),
        session: 1,
        redeliveryCount: 0,
      }) as unknown as Entry;
    // The same view and cursor, as a tail uses them.
    assert.equal(readEntry(batch.set(alone({ partitionKey: 'dddd' }), 43, 0))[0]?.channel, 'dddd');
    assert.equal(readEntry(batch.set(alone({}), 44, 0))[0]?.channel, 'lobby');
  });

  test('a piece of a message, or ciphertext, belongs to no channel', () => {
    for (const metadata of [{ numChunksFromMsg: 3, chunkId: 1 }, { encryptionAlgo: 'AES' }]) {
      const [seen] = readEntry(laneEntry({ payload: Buffer.from('x'), count: 1, batch: false, metadata }));
      assert.equal(seen?.routed, false);
    }
  });

  test('marks are at home in any lane, keyless messages are not', () => {
    const messages = [{ data: '' }, { data: '', properties: { 'pharos-marker': 'x' } }];
    const seen = readEntry(laneEntry({ payload: batchOf(messages), count: 2 }, 0, 4));
    assert.deepEqual(
      seen.map(({ routed, marker }) => [routed, marker]),
      [
        [false, false],
        [true, true],
      ],
    );
  });

  test('a batch that isn’t one ends where it can’t be read, and is reported', () => {
    const whole = batchOf([{ data: 'first' }, { data: 'second' }]);
    for (const payload of [whole.subarray(0, -1), Buffer.concat([whole.subarray(0, 11), Buffer.alloc(6, 0xff)])]) {
      unreadable.length = 0;
      const cursor = laneEntry({ payload, count: 2 }).publications();
      assert.equal(cursor.next(), true);
      assert.equal(cursor.next(), false);
      assert.equal(cursor.next(), false);
      assert.deepEqual(unreadable, ['7:8']);
    }
  });

  test('properties that can’t be read are reported and taken for none', () => {
    const payload = batchOf([{ data: 'x' }]);
    // A property of three bytes that aren't a pair of strings, ahead of the payload size.
    const broken = Buffer.concat([
      Buffer.from([0, 0, 0, 7]),
      Buffer.from([0x0a, 3, 0x0a, 0x7f, 0x41]),
      payload.subarray(4),
    ]);
    unreadable.length = 0;
    const cursor = laneEntry({ payload: broken, count: 1 }).publications();
    assert.equal(cursor.next(), true);
    assert.equal(cursor.hasProperties, true);
    assert.equal(cursor.isMarker(), false);
    assert.equal(cursor.properties().size, 0);
    assert.deepEqual(unreadable, ['7:8:0']);
  });

  test('retained, it lets go of the chunk that it came in, and each cursor is its own', () => {
    // Larger than what Node.js cuts small buffers from.
    const chunk = Buffer.alloc(256 * 1024);
    const batch = batchOf([{ key: 'a', data: 'kept' }]);
    batch.copy(chunk, 100);
    const entry = laneEntry({ payload: chunk.subarray(100, 100 + batch.length), count: 1 });
    const kept = entry.retain();
    chunk.fill(0xff);
    assert.deepEqual(
      readEntry(kept).map(({ text }) => text),
      ['kept'],
    );
    const [one, two] = [kept.publications(), kept.publications()];
    assert.ok(one.next());
    assert.ok(two.next());
    assert.ok(one.buffer.buffer.byteLength < chunk.length);
  });

  test('retained, it holds no view of the chunk by its metadata either, as a schema’s version would', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const retained = (): { readonly kept: LaneEntry; readonly chunk: WeakRef<object> } => {
      const chunk = Buffer.alloc(256 * 1024);
      const metadata = { schemaVersion: chunk.subarray(0, 8), orderingKey: chunk.subarray(8, 9), partitionKey: 'a' };
      const payload = Buffer.from('alone');
      const kept = laneEntry({ payload, count: 1, batch: false, metadata }).retain();
      return { kept, chunk: new WeakRef(chunk.buffer) };
    };
    const { kept, chunk } = retained();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    assert.equal(chunk.deref(), undefined);
    assert.deepEqual(
      readEntry(kept).map(({ channel, text }) => [channel, text]),
      [['a', 'alone']],
    );
  });

  test('counts properties and a key that lie outside its payload', () => {
    const properties = [{ key: 'p', value: 'x'.repeat(100_000) }];
    const payload = Buffer.alloc(0);
    assert.ok(laneEntry({ payload, count: 1, batch: false, metadata: { properties } }).bytes > 100_000);
    assert.ok(
      laneEntry({ payload, count: 1, batch: false, metadata: { partitionKey: 'x'.repeat(9_000) } }).bytes > 9_000,
    );
    // Of a batch nobody reads them, so that they aren't kept.
    assert.ok(laneEntry({ payload: batchOf([{ data: 'x' }]), count: 1, metadata: { properties } }).bytes < 10_000);
  });
});
