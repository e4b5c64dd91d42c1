// Reading without a subscription that lasts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import { MessageId } from '../src/message-id.ts';
import type { Reader } from '../src/reader/reader.ts';
import { Bench, take, takeTexts, textOf, texts } from './support/consuming.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 120_000;

/** m0 m1 m2 as entries, b0 b1 b2 as a batch. */
const all = [...texts(3), ...texts(3, 'b')];

async function publishAll(bench: Bench): Promise<MessageId[]> {
  return [...(await bench.publish(...all.slice(0, 3))), ...(await bench.publishBatch(...all.slice(3)))];
}

/** Reads as programs do: until there is nothing more. */
async function readAll(reader: Reader): Promise<string[]> {
  const read: string[] = [];
  while (reader.hasNext()) read.push(textOf(await reader.readNext(20_000)));
  return read;
}

async function readAvailable(reader: Reader): Promise<string[]> {
  const read: string[] = [];
  while (await reader.hasMessageAvailable()) read.push(textOf(await reader.readNext(20_000)));
  return read;
}

describe('reader', { timeout }, () => {
  test('from the earliest, to the end; what is published meanwhile and later too', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const reader = await bench.read(MessageId.earliest());
    assert.equal(reader.isConnected(), true);
    await bench.publish('meanwhile');
    assert.deepEqual(await readAll(reader), [...all, 'meanwhile']);
    assert.equal(await reader.hasMessageAvailable(), false);
    await bench.publish('later');
    assert.equal(await reader.hasMessageAvailable(), true);
    assert.deepEqual(await takeTexts(reader, 1), ['later']);
    assert.equal(reader.hasNext(), false);
  });

  test('from the latest: nothing, then what is published', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const reader = await bench.read(MessageId.latest());
    assert.equal(reader.hasNext(), false);
    assert.equal(await reader.hasMessageAvailable(), false);
    await bench.publish('new');
    assert.equal(await reader.hasMessageAvailable(), true);
    assert.deepEqual(await takeTexts(reader, 1), ['new']);
    assert.equal(reader.hasNext(), false);
  });

  test('from the latest, inclusive: the last message, be it in a batch', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const batched = await bench.read(MessageId.latest(), { startMessageIdInclusive: true });
    assert.equal(batched.hasNext(), true);
    assert.deepEqual(await readAll(batched), ['b2']);
    await bench.publish('alone');
    const plain = await bench.read(MessageId.latest(), { startMessageIdInclusive: true });
    assert.deepEqual(await readAll(plain), ['alone']);
  });

  test('of an empty topic: nothing, from anywhere', async (t) => {
    const bench = await Bench.open(t);
    for (const from of [MessageId.earliest(), MessageId.latest()]) {
      for (const startMessageIdInclusive of [false, true]) {
        const reader = await bench.read(from, { startMessageIdInclusive });
        assert.equal(reader.hasNext(), false);
        assert.equal(await reader.hasMessageAvailable(), false);
        await reader.close();
      }
    }
  });

  for (const [index, text] of all.entries()) {
    test(`from ${text}, which comes or doesn't; then the rest`, async (t) => {
      const bench = await Bench.open(t);
      const id = (await publishAll(bench))[index] as MessageId;
      const kept = MessageId.deserialize(id.serialize());
      assert.deepEqual(await readAll(await bench.read(kept)), all.slice(index + 1));
      assert.deepEqual(await readAll(await bench.read(kept, { startMessageIdInclusive: true })), all.slice(index));
    });
  }

  test('goes back and forth: by id, to the ends, by time', async (t) => {
    const bench = await Bench.open(t);
    const ids = await publishAll(bench);
    const reader = await bench.read(MessageId.earliest());
    const [first] = await take(reader, 1);
    await reader.seek(ids[4] as MessageId);
    assert.deepEqual(await readAll(reader), ['b2']);
    await reader.seek(ids[0] as MessageId);
    assert.deepEqual(await readAll(reader), all.slice(1));
    await reader.seek(MessageId.latest());
    assert.equal(reader.hasNext(), false);
    await bench.publish('new');
    assert.deepEqual(await takeTexts(reader, 1), ['new']);
    await reader.seek(MessageId.earliest());
    assert.deepEqual(await readAll(reader), [...all, 'new']);
    await reader.seekTimestamp(first?.getPublishTimestamp() ?? 0);
    assert.equal(reader.hasNext(), true);
    assert.deepEqual(await readAvailable(reader), [...all, 'new']);
    await reader.seekTimestamp(Date.now() + 60_000);
    assert.equal(reader.hasNext(), false);
    assert.equal(await reader.hasMessageAvailable(), false);
    await bench.publish('too early');
    await assert.rejects(reader.readNext(200), pulsarError('Timeout'));
  });

  test('to a time, in the middle of a batch: the rest of it is not read any more', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const reader = await bench.read(MessageId.earliest());
    await take(reader, 4);
    await reader.seekTimestamp(0);
    assert.deepEqual(await takeTexts(reader, 4), all.slice(0, 4));
    await reader.seekTimestamp(Date.now() + 60_000);
    assert.equal(await reader.hasMessageAvailable(), false);
  });

  test('back within a batch, inclusive', async (t) => {
    const bench = await Bench.open(t);
    const ids = await publishAll(bench);
    const reader = await bench.read(MessageId.earliest(), { startMessageIdInclusive: true });
    assert.deepEqual(await readAll(reader), all);
    await reader.seek(ids[4] as MessageId);
    assert.deepEqual(await readAll(reader), ['b1', 'b2']);
  });

  test('goes on where it was when the topic moves: nothing twice, nothing lost', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const reader = await bench.read(MessageId.earliest());
    assert.deepEqual(await takeTexts(reader, 4), all.slice(0, 4));
    await bench.admin('PUT', 'unload');
    await bench.publish('new');
    assert.deepEqual(await takeTexts(reader, 3), ['b1', 'b2', 'new']);
  });

  test('a reader from the latest that loses the topic before the first message misses none', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const reader = await bench.read(MessageId.latest());
    await bench.admin('PUT', 'unload');
    await bench.publish('new');
    assert.deepEqual(await takeTexts(reader, 1), ['new']);
  });

  test('a listener gets the messages, and readNext is refused', async (t) => {
    const bench = await Bench.open(t);
    await publishAll(bench);
    const got = new Collector<string>();
    const reader = await bench.read(MessageId.earliest(), { listener: (message) => got.add(textOf(message)) });
    assert.deepEqual(await got.waitForCount(all.length), all);
    await assert.rejects(reader.readNext(), pulsarError('InvalidConfiguration'));
  });

  test('leaves no subscription behind, and names it as asked', async (t) => {
    const bench = await Bench.open(t);
    const reader = await bench.read(MessageId.earliest(), { subscriptionRolePrefix: 'role', readerName: 'me' });
    type Stats = {
      readonly subscriptions: Readonly<Record<string, { readonly consumers: { consumerName: string }[] }>>;
    };
    const { subscriptions } = (await bench.admin('GET', 'stats')) as Stats;
    const [[name, { consumers }]] = Object.entries(subscriptions) as [
      [string, { consumers: { consumerName: string }[] }],
    ];
    assert.match(name, /^role-/);
    assert.deepEqual(
      consumers.map(({ consumerName }) => consumerName),
      ['me'],
    );
    const waiting = assert.rejects(reader.readNext(), pulsarError('AlreadyClosed'));
    assert.equal(await reader.close(), null);
    await waiting;
    assert.equal(reader.isConnected(), false);
    assert.deepEqual(((await bench.admin('GET', 'stats')) as Stats).subscriptions, {});
  });

  test('a topic in partitions: all of them from the earliest, from the latest what is published since', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(3);
    const spread = texts(60).map((text) => ({ data: Buffer.from(text), partitionKey: text }));
    const ids = await bench.publish(...spread);
    const ofPartition = texts(60).filter((_, index) => ids[index]?.partition === 1);
    const latest = await bench.read(MessageId.latest());
    assert.equal(latest.hasNext(), false);
    const reader = await bench.read(MessageId.earliest());
    const read = await readAll(reader);
    assert.deepEqual([...read].sort(), texts(60).sort());
    assert.deepEqual(
      read.filter((text) => ofPartition.includes(text)),
      ofPartition,
      'each partition in order',
    );
    assert.equal(await reader.hasMessageAvailable(), false);
    await bench.publish('new');
    assert.equal(await latest.hasMessageAvailable(), true);
    assert.deepEqual(await readAvailable(latest), ['new']);
    assert.deepEqual(await readAvailable(reader), ['new']);
    await reader.seek(MessageId.latest());
    assert.equal(await reader.hasMessageAvailable(), false);
    // A message of one partition sets that one alone.
    await reader.seek(ids[texts(60).indexOf(ofPartition[4] as string)] as MessageId);
    assert.deepEqual((await readAvailable(reader)).slice(0, ofPartition.length - 5), ofPartition.slice(5));
    await reader.seekTimestamp(0);
    assert.deepEqual((await readAll(reader)).sort(), [...texts(60), 'new'].sort());
    await reader.seekTimestamp(Date.now() + 60_000);
    assert.equal(await reader.hasMessageAvailable(), false);
  });

  test('a topic in partitions is not begun at a message of one of them; one partition is', async (t) => {
    const bench = await Bench.open(t);
    await bench.makePartitioned(2);
    const ids = await bench.publish('a', 'b');
    await assert.rejects(bench.read(ids[0] as MessageId), /one partition, .* has 2: expected earliest or latest/);
    const reads = [0, 1].map(async (partition) => {
      const topic = `${bench.topic}-partition-${partition}`;
      return readAll(await bench.read(MessageId.earliest(), { topic }));
    });
    assert.deepEqual((await Promise.all(reads)).flat().sort(), ['a', 'b']);
  });
});
