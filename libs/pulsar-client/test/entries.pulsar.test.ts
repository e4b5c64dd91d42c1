import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { keepingNamespace, sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../src/admin/admin.ts';
import { Client } from '../src/client.ts';
import type { Entry } from '../src/consumer/entry-consumer.ts';
import { MessageId } from '../src/message-id.ts';
import { BatchCursor } from '../src/wire/index.ts';
import { follow, textsOf } from './support/entries.ts';
import { texts } from './support/consuming.ts';

const earliest = { startMessageId: MessageId.earliest() };

/** The texts in an entry, with the index of each. */
function messagesOf(entry: Entry): (readonly [string, number])[] {
  const first = (entry.brokerEntry?.index ?? Number.NaN) - entry.count + 1;
  if (!entry.batch) return [[entry.payload.toString(), first]];
  const cursor = new BatchCursor();
  cursor.reset(entry.payload, entry.count);
  const found: (readonly [string, number])[] = [];
  while (cursor.next()) {
    found.push([cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd), first + cursor.index]);
  }
  return found;
}

describe('whole entries on a real broker', { skip: unavailable('pulsar') }, () => {
  let client: Client;
  let admin: PulsarAdmin;
  let adminUrl: string;
  before(async () => {
    const { serviceUrl, adminUrl: url } = await sharedPulsar();
    adminUrl = url;
    client = new Client({ serviceUrl, initialBackoffMs: 10 });
    admin = new PulsarAdmin({ adminUrl });
  });
  after(() => client.close());

  /** Publishes each list as one entry; resolves with the entries' ids. */
  async function publish(topic: string, ...entries: readonly string[][]): Promise<MessageId[]> {
    const producer = await client.createProducer({ topic, batchingMaxPublishDelayMs: 0 });
    const ids: MessageId[] = [];
    for (const entry of entries) {
      const sent = await Promise.all(
        entry.map((text) => producer.send({ data: Buffer.from(text), partitionKey: text })),
      );
      ids.push(sent[0] as MessageId);
    }
    await producer.close();
    return ids;
  }

  test('every message has an index of its own, dense from 0, in batches and alone', async () => {
    const topic = uniqueTopic('index');
    await publish(topic, ['a'], ['b', 'c', 'd'], ['e'], texts(100));
    const { consumer, entries } = await follow(client, { topic, ...earliest });
    await entries.waitForCount(4);
    const all = entries.items.flatMap(messagesOf);
    assert.deepEqual(
      all.map(([text]) => text),
      ['a', 'b', 'c', 'd', 'e', ...texts(100)],
    );
    assert.deepEqual(
      all.map(([, index]) => index),
      all.map((_, position) => position),
    );
    const [single, batch] = entries.items;
    assert.deepEqual([single?.batch, single?.count, batch?.batch, batch?.count], [false, 1, true, 3]);
    const aMinute = 60_000;
    assert.ok(Math.abs((batch?.brokerEntry?.brokerTimestampMs ?? 0) - Date.now()) < aMinute);
    await consumer.close();
  });

  test('a message read by itself has the same index as in its entry', async () => {
    const topic = uniqueTopic('same');
    await publish(topic, ['a', 'b'], ['c']);
    const reader = await client.createReader({ topic, ...earliest });
    const indexes: (number | undefined)[] = [];
    while (reader.hasNext()) indexes.push((await reader.readNext()).getBrokerIndex());
    assert.deepEqual(indexes, [0, 1, 2]);
    await reader.close();
  });

  test('begins at an entry or after it', async () => {
    const topic = uniqueTopic('start');
    const ids = await publish(topic, ['a', 'b'], ['c'], ['d', 'e']);
    for (const [startMessageId, startMessageIdInclusive, expected] of [
      [ids[0], true, 5],
      [ids[0], false, 3],
      [ids[1], true, 3],
      [ids[1], false, 2],
      [MessageId.latest(), true, 2],
    ] as const) {
      const start = { startMessageId: startMessageId as MessageId, startMessageIdInclusive };
      const { consumer, entries } = await follow(client, { topic, subscription: 'start', ...start });
      await entries.waitUntil((items) => items.flatMap(messagesOf).length >= expected, `${expected} messages`);
      assert.equal(entries.items.flatMap(messagesOf).length, expected);
      await consumer.close();
    }
  });

  test('the last message of an empty topic is none, of another the newest', async () => {
    const topic = uniqueTopic('last');
    const { consumer, entries } = await follow(client, { topic });
    assert.equal((await consumer.getLastMessageId()).entryId, -1n);
    const [id] = await publish(topic, ['a', 'b']);
    const last = await consumer.getLastMessageId();
    assert.deepEqual([last.ledgerId, last.entryId, last.batchIndex], [id?.ledgerId, id?.entryId, 1]);
    assert.deepEqual(messagesOf((await entries.waitForCount(1))[0] as Entry), [
      ['a', 0],
      ['b', 1],
    ]);
    await consumer.close();
  });

  test('Failover: one is active, and the other once it goes', async () => {
    const topic = uniqueTopic('failover');
    const config = { topic, subscription: 'f', subscriptionType: 'Failover', durable: true } as const;
    const first = await follow(client, { ...config, consumerName: 'a' });
    await first.events.waitFor((event) => event.type === 'active' && event.active, 'first active');
    const second = await follow(client, { ...config, consumerName: 'b' });
    await publish(topic, ['a']);
    // Which of the two the broker prefers goes by a hash of topic and names.
    const got = (one: typeof first): Promise<typeof first> => one.entries.waitForCount(1).then(() => one);
    const active = await Promise.race([got(first), got(second)]);
    const standby = active === first ? second : first;
    assert.equal(standby.entries.items.length, 0);
    await active.consumer.acknowledgeEntry(active.entries.items[0] as Entry);
    await active.consumer.close();
    await publish(topic, ['b']);
    assert.deepEqual(textsOf(await standby.entries.waitForCount(1)), ['b']);
    assert.ok(standby.events.items.some((event) => event.type === 'active' && event.active));
    await standby.consumer.close();
  });

  test('a topic that moves is followed: nothing lost, nothing twice, in order', async () => {
    // What is closed when a topic moves must be kept, and a message whose receipt that takes is sent again: that it is there
    // once is the broker's to see to.
    const namespace = await keepingNamespace(adminUrl);
    await admin.setDeduplication(namespace, true);
    const topic = uniqueTopic('unload', namespace);
    await publish(topic, ['begin']);
    const { consumer, entries, events } = await follow(client, { topic, ...earliest });
    const producer = await client.createProducer({ topic, batchingMaxPublishDelayMs: 0 });
    const count = 2000;
    const sent: Promise<unknown>[] = [];
    for (let number = 0; number < count; number++) {
      sent.push(producer.send({ data: Buffer.from(`m${number}`) }));
      if (number % 100 === 99) await sent.at(-1);
      if (number % 700 === 350) await admin.unload(topic);
    }
    await Promise.all(sent);
    const expected = ['begin', ...texts(count)];
    await entries.waitUntil((items) => items.flatMap(messagesOf).length >= expected.length, 'all messages');
    assert.deepEqual(
      entries.items.flatMap(messagesOf).map(([text]) => text),
      expected,
    );
    assert.ok(events.items.filter(({ type }) => type === 'disconnected').length >= 3);
    await producer.close();
    await consumer.close();
  });

  test('a topic that is not persistent is delivered while somebody is there', async () => {
    const topic = uniqueTopic('live').replace('persistent://', 'non-persistent://');
    const { consumer, entries } = await follow(client, { topic });
    await publish(topic, ['a'], ['b'], ['c']);
    assert.deepEqual(textsOf(await entries.waitForCount(3)), ['a', 'b', 'c']);
    await consumer.close();
  });
});
