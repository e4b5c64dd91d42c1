// Going to another place of a topic in partitions, also while messages come, and what is acknowledged right afterwards.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Consumer } from '../src/consumer/consumer.ts';
import type { Message } from '../src/consumer/message.ts';
import { MessageId } from '../src/message-id.ts';
import type { Reader } from '../src/reader/reader.ts';
import { Bench, take, textOf, texts } from './support/consuming.ts';

const timeout = 120_000;
const partitions = 3;

/** Partition, and number in it, of messages that were published by `publishEverywhere`. */
function placeOf(message: Message): readonly [number, number] {
  const [partition, number] = textOf(message).split('-').map(Number) as [number, number];
  return [partition, number];
}

/** `0-0`, `0-1`, … in each partition, in batches of 5. */
async function publishEverywhere(bench: Bench, from: number, to: number): Promise<MessageId[][]> {
  return Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const producer = await bench.client.createProducer({
        topic: `${bench.topic}-partition-${partition}`,
        batchingMaxMessages: 5,
        batchingMaxPublishDelayMs: 1000,
      });
      const all = texts(to, `${partition}-`).slice(from);
      const ids = await Promise.all(all.map((text) => producer.send({ data: Buffer.from(text) })));
      await producer.close();
      return ids;
    }),
  );
}

/** Checks that each partition goes on with `first` of it, and up to `end`, in order. */
async function goesOn(from: Consumer | Reader, first: readonly number[], end: number): Promise<Message[]> {
  const next = [...first];
  const messages = await take(
    from,
    first.reduce((sum, number) => sum + end - number, 0),
  );
  for (const message of messages) {
    const [partition, number] = placeOf(message);
    assert.equal(number, next[partition], `partition ${partition}`);
    next[partition] = number + 1;
  }
  return messages;
}

async function nothingIsLeft(bench: Bench): Promise<void> {
  const again = await bench.subscribe();
  await assert.rejects(again.receive(300), /Timeout|no message/);
  await again.close();
}

describe('seek in partitions', { timeout }, () => {
  for (const startMessageIdInclusive of [false, true]) {
    for (const batchIndexAckEnabled of [false, true]) {
      const how = `inclusive: ${startMessageIdInclusive}, batch index acknowledgements: ${batchIndexAckEnabled}`;
      test(`into a batch of one partition, then of another: the rest stays where it was (${how})`, async (t) => {
        const bench = await Bench.open(t);
        await bench.makePartitioned(partitions);
        const ids = await publishEverywhere(bench, 0, 20);
        const consumer = await bench.subscribe({ startMessageIdInclusive, batchIndexAckEnabled });
        const offset = startMessageIdInclusive ? 0 : 1;
        // A half of a batch is acknowledged on both sides of where it goes.
        for (const message of await goesOn(consumer, [0, 0, 0], 20)) {
          const [partition, number] = placeOf(message);
          if (partition !== 1 || number < 3 || number > 11) await consumer.acknowledge(message);
        }
        await consumer.seek(ids[1]?.[7] as MessageId);
        for (const message of await goesOn(consumer, [20, 7 + offset, 20], 20)) await consumer.acknowledge(message);
        await consumer.seek(ids[2]?.[19] as MessageId);
        if (startMessageIdInclusive) {
          for (const message of await goesOn(consumer, [20, 20, 19], 20)) await consumer.acknowledge(message);
        }
        await publishEverywhere(bench, 20, 22);
        for (const message of await goesOn(consumer, [20, 20, 20], 22)) await consumer.acknowledge(message);
        await consumer.close();
        await nothingIsLeft(bench);
      });
    }
  }

  test('while messages are published, received and acknowledged: to the earliest, to a time, to the latest', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(partitions);
    const before = Date.now() - 1000;
    await publishEverywhere(bench, 0, 50);
    const consumer = await bench.subscribe();
    await take(consumer, 30);
    const publishing = publishEverywhere(bench, 50, 400);
    for (const message of await take(consumer, 30)) await consumer.acknowledge(message);
    await consumer.seek(MessageId.earliest());
    await goesOn(consumer, [0, 0, 0], 30);
    await consumer.seekTimestamp(before);
    await publishing;
    for (const message of await goesOn(consumer, [0, 0, 0], 400)) await consumer.acknowledge(message);
    await consumer.seek(MessageId.latest());
    await publishEverywhere(bench, 400, 405);
    for (const message of await goesOn(consumer, [400, 400, 400], 405)) await consumer.acknowledge(message);
    await consumer.close();
    await nothingIsLeft(bench);
  });

  test('a reader goes the same ways', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(partitions);
    const ids = await publishEverywhere(bench, 0, 20);
    const reader = await bench.read(MessageId.earliest(), { startMessageIdInclusive: true });
    await goesOn(reader, [0, 0, 0], 20);
    const publishing = publishEverywhere(bench, 20, 200);
    await reader.seek(ids[0]?.[8] as MessageId);
    await publishing;
    await goesOn(reader, [8, 20, 20], 200);
    assert.equal(await reader.hasMessageAvailable(), false);
    await reader.seek(MessageId.latest());
    // Inclusive: the last of each partition.
    await goesOn(reader, [199, 199, 199], 200);
    assert.equal(await reader.hasMessageAvailable(), false);
  });
});
