// How messages become entries.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { uncompressed } from '../src/compression/compression.ts';
import type { MessageId } from '../src/message-id.ts';
import { BatchCursor, decodeEntry, type MessageMetadata } from '../src/wire/index.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';
import type { Heard } from './support/scripted-broker.ts';

const timeout = 20_000;

interface Written {
  readonly metadata: MessageMetadata;
  readonly texts: readonly string[];
  readonly sequenceIds: readonly (number | undefined)[];
}

/** What a SEND carries, read as a consumer would. */
function read(heard: Heard<'send'>): Written {
  const entry = decodeEntry(heard.entry ?? Buffer.alloc(0));
  assert.ok(entry.checksumOk, 'the checksum is right');
  const { metadata } = entry;
  const payload = uncompressed(metadata, entry.payload, 1_000_000);
  const count = metadata.numMessagesInBatch;
  if (count === undefined) return { metadata, texts: [payload.toString()], sequenceIds: [metadata.sequenceId] };
  const cursor = new BatchCursor();
  cursor.reset(payload, count);
  const texts: string[] = [];
  const sequenceIds: (number | undefined)[] = [];
  while (cursor.next()) {
    texts.push(payload.toString('utf8', cursor.dataStart, cursor.dataEnd));
    sequenceIds.push(cursor.singleMessageMetadata().sequenceId);
  }
  return { metadata, texts, sequenceIds };
}

describe('batches', { timeout }, () => {
  test('delay 0: what was sent in one turn is one entry, and each message gets its id', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxPublishDelayMs: 0 });
    const ids = (await Promise.all(sendAll(producer, 'a', 'b', 'c'))) as MessageId[];
    const [alone] = (await Promise.all(sendAll(producer, 'd'))) as MessageId[];
    const [batch, single] = broker.heard('send');
    assert.ok(batch !== undefined && single !== undefined);
    assert.deepEqual(read(batch).texts, ['a', 'b', 'c']);
    assert.deepEqual(read(batch).sequenceIds, [0, 1, 2]);
    const { sequenceId, highestSequenceId, numMessages } = batch.command;
    assert.deepEqual(
      { sequenceId, highestSequenceId, numMessages },
      { sequenceId: 0, highestSequenceId: 2, numMessages: 3 },
    );
    assert.equal(read(batch).metadata.highestSequenceId, 2);
    assert.deepEqual(
      ids.map((id) => [id.entryId, id.batchIndex, id.batchSize]),
      [
        [0n, 0, 3],
        [0n, 1, 3],
        [0n, 2, 3],
      ],
    );
    assert.deepEqual([alone?.entryId, alone?.batchIndex], [1n, -1]);
    assert.equal(read(single).metadata.numMessagesInBatch, undefined);
    assert.equal(single.command.sequenceId, 3);
  });

  test('end by count, by bytes, and by delay', async (t) => {
    const { broker, client } = await startScripted(t);
    const config = { batchingEnabled: true, batchingMaxPublishDelayMs: 60_000 };
    const counting = await newProducer(client, { ...config, batchingMaxMessages: 2 });
    await Promise.all(sendAll(counting, 'a', 'b', 'c', 'd'));
    const weighing = await newProducer(client, { ...config, batchingMaxAllowedSizeInBytes: 1000 });
    await Promise.all(sendAll(weighing, 'e'.repeat(400), 'f'.repeat(400), 'g'.repeat(2000)));
    const timed = await newProducer(client, { ...config, batchingMaxPublishDelayMs: 5 });
    await Promise.all(sendAll(timed, 'h', 'i'));
    assert.deepEqual(
      broker.heard('send').map((heard) =>
        read(heard)
          .texts.map((text) => text.slice(0, 1))
          .join(''),
      ),
      ['ab', 'cd', 'ef', 'g', 'hi'],
    );
  });

  test('what the broker treats by itself is an entry by itself, in its place', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxPublishDelayMs: 0 });
    const deliverAt = Date.now() + 60_000;
    await Promise.all([
      ...sendAll(producer, 'a', 'b'),
      producer.send({ data: Buffer.from('c'), deliverAt }),
      producer.send({ data: Buffer.from('d'), disableReplication: true }),
      ...sendAll(producer, 'e'),
    ]);
    const written = broker.heard('send').map(read);
    assert.deepEqual(
      written.map(({ texts }) => texts.join('')),
      ['ab', 'c', 'd', 'e'],
    );
    assert.equal(written[1]?.metadata.deliverAtTime, deliverAt);
    assert.deepEqual(written[2]?.metadata.replicateTo, ['__local__']);
  });

  test('carry keys, properties and times of each message', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxPublishDelayMs: 0 });
    const message = {
      data: Buffer.from('x'),
      partitionKey: 'schlüssel',
      orderingKey: 'o',
      properties: { a: '1', b: 'zwei' },
      eventTimestamp: 1234,
    };
    await Promise.all([producer.send(message), producer.send({ data: Buffer.alloc(0), sequenceId: 90 })]);
    await producer.send(message);
    const [batch, single] = broker.heard('send');
    assert.ok(batch !== undefined && single !== undefined);
    const entry = decodeEntry(batch.entry ?? Buffer.alloc(0));
    assert.ok(entry.checksumOk);
    const cursor = new BatchCursor();
    cursor.reset(entry.payload, 2);
    assert.ok(cursor.next());
    const { metadata } = read(single);
    for (const one of [cursor.singleMessageMetadata(), metadata]) {
      assert.equal(one.partitionKey, 'schlüssel');
      assert.equal(one.orderingKey?.toString(), 'o');
      assert.deepEqual(one.properties, [
        { key: 'a', value: '1' },
        { key: 'b', value: 'zwei' },
      ]);
      assert.equal(one.eventTime, 1234);
    }
    assert.deepEqual(read(batch).sequenceIds, [0, 90]);
    assert.equal(batch.command.highestSequenceId, 90);
    assert.equal(single.command.sequenceId, 91);
    assert.ok(Math.abs(metadata.publishTime - Date.now()) < 60_000);
  });

  for (const [compressionType, number] of [
    ['Zlib', 2],
    ['LZ4', 1],
    ['ZSTD', 3],
    ['SNAPPY', 4],
  ] as const) {
    test(`compressed by ${compressionType} are smaller, and whole again`, async (t) => {
      const { broker, client } = await startScripted(t);
      const batching = { batchingEnabled: true, batchingMaxPublishDelayMs: 0 };
      const producer = await newProducer(client, { ...batching, compressionType });
      const texts = ['a'.repeat(5000), 'b'.repeat(5000)];
      await Promise.all(sendAll(producer, ...texts));
      await Promise.all(sendAll(producer, 'c'));
      const [batch, single] = broker.heard('send');
      assert.ok(batch !== undefined && single !== undefined);
      assert.ok(batch.raw.length < 1000, `${batch.raw.length} bytes`);
      assert.equal(read(batch).metadata.compression, number);
      assert.deepEqual(read(batch).texts, texts);
      assert.deepEqual(read(single).texts, ['c']);
    });
  }

  test('that follow each other without a pause each have a time of their own, by which messages run out of time', async (t) => {
    let now = performance.now();
    t.mock.method(performance, 'now', () => now);
    const ages: number[] = [];
    const metrics = { published: (_messages: number, _bytes: number, ageMs: number) => void ages.push(ageMs) };
    const { client } = await startScripted(t, {}, { metrics });
    // Each message is too much for the batch of the one before, so that some batch is always being filled.
    const batching = { batchingEnabled: true, batchingMaxPublishDelayMs: 5, batchingMaxAllowedSizeInBytes: 100 };
    const producer = await newProducer(client, batching);
    const sent = Array.from({ length: 10 }, () => {
      now += 1;
      return producer.send({ data: Buffer.alloc(20) });
    });
    await Promise.all(sent);
    assert.equal(ages.length, 10);
    assert.ok((ages.at(-1) ?? Infinity) <= 1, `the last one is said to have taken ${ages.at(-1)} ms`);
  });

  test('that would be larger than consumers take when they are whole again are refused', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { compressionType: 'LZ4' });
    const sent = producer.send({ data: Buffer.alloc(6 * 1024 * 1024) });
    await assert.rejects(sent, pulsarError('MessageTooBig'));
    assert.equal(broker.heard('send').length, 0);
  });
});
