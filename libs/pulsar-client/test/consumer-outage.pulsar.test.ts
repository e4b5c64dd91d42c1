// The broker is killed in the middle: what consumers and readers are owed is counted.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Collector, eventually, startPulsar, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../src/admin/admin.ts';
import { Client } from '../src/client.ts';
import type { Message } from '../src/consumer/message.ts';
import { MessageId } from '../src/message-id.ts';
import { take, takeTexts, textOf, texts } from './support/consuming.ts';

type PulsarServer = Awaited<ReturnType<typeof startPulsar>>;

const timeout = 480_000;
const count = 3000;
/** Where in the stream the broker is killed. */
const killAt = 1000;

describe('a broker that is killed and comes back', { timeout }, () => {
  let pulsar: PulsarServer;
  let client: Client;
  before(async () => {
    // Else what was stored, and not yet acknowledged when the broker was killed, is stored twice.
    pulsar = await startPulsar({ overrides: { brokerDeduplicationEnabled: 'true' } });
    client = new Client({ serviceUrl: pulsar.serviceUrl, operationTimeoutSeconds: 120, maxBackoffMs: 500 });
  });
  after(async () => {
    await client.close();
    await pulsar.stop();
  });

  test('consumers miss nothing and keep order; a reader gets nothing twice', async () => {
    const topic = uniqueTopic('outage');
    const listened = { reader: new Collector<string>(), one: new Collector<string>(), many: new Collector<string>() };
    const reader = await client.createReader({
      topic,
      startMessageId: MessageId.latest(),
      listener: (message) => listened.reader.add(textOf(message)),
    });
    const one = await client.subscribe({
      topic,
      subscription: 'one',
      listener: (message, consumer) => {
        listened.one.add(textOf(message));
        consumer.acknowledge(message).catch(assert.ifError);
      },
    });
    const many = await client.subscribe({
      topic,
      subscription: 'many',
      batchReceivePolicy: { maxNumMessages: 100, timeoutMs: 50 },
    });
    const receiving = receiveBatches(
      () => many.batchReceive(),
      listened.many,
      async (message) => {
        await many.acknowledgeCumulative(message);
      },
    );
    const producer = await client.createProducer({ topic, maxPendingMessages: count, sendTimeoutMs: 120_000 });
    const all = texts(count);
    const send = (part: readonly string[]) => part.map((text) => producer.send({ data: Buffer.from(text) }));
    const sent = send(all.slice(0, killAt));
    await listened.one.waitForCount(killAt / 2);
    sent.push(...send(all.slice(killAt, 2 * killAt)));
    await pulsar.restart('kill');
    sent.push(...send(all.slice(2 * killAt)));
    await Promise.all(sent);

    const isLast = (items: readonly string[]): boolean => items.at(-1) === all.at(-1);
    for (const [name, collector] of Object.entries(listened)) {
      await collector.waitUntil(isLast, `the last message at ${name}`, 60_000);
    }
    await receiving;
    assert.deepEqual(listened.reader.items, all, 'the reader has each message once, in order');
    for (const name of ['one', 'many'] as const) {
      // What was acknowledged just before may come again, from some point on, but nothing may be left out.
      assert.deepEqual([...new Set(listened[name].items)], all, `${name}: nothing lost, first deliveries in order`);
      assert.deepEqual(goneBack(listened[name].items) <= 1, true, `${name}: goes back once at most, at the kill`);
    }
    assert.equal(reader.isConnected() && one.isConnected() && many.isConnected(), true);
  });

  test('who seeks while it is away gets there once it is back', async () => {
    const [plain, parted] = [uniqueTopic('seek'), uniqueTopic('seek-parted')];
    await new PulsarAdmin({ adminUrl: pulsar.adminUrl }).createPartitionedTopic(parted, 3);
    const all = texts(30);
    for (const topic of [plain, parted]) {
      const producer = await client.createProducer({ topic, messageRoutingMode: 'RoundRobinDistribution' });
      await Promise.all(all.map((text) => producer.send({ data: Buffer.from(text) })));
      await producer.close();
    }
    const consumers = await Promise.all(
      [plain, parted].map((topic) =>
        client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' }),
      ),
    );
    const reader = await client.createReader({ topic: plain, startMessageId: MessageId.earliest() });
    for (const consumer of consumers)
      for (const message of await take(consumer, all.length)) await consumer.acknowledge(message);
    await take(reader, all.length);
    const restarted = pulsar.restart('kill');
    const receivers = [...consumers, reader];
    await eventually(() => !receivers.some((one) => one.isConnected()) || undefined, 'loss of the broker', 60_000);
    const seeking = [
      ...consumers.map((consumer, index) =>
        index === 0 ? consumer.seek(MessageId.earliest()) : consumer.seekTimestamp(1),
      ),
      reader.seekTimestamp(1),
    ];
    await restarted;
    await Promise.all(seeking);
    for (const one of receivers) assert.deepEqual((await takeTexts(one, all.length)).sort(), [...all].sort());
    for (const consumer of consumers) assert.equal((await consumer.getLastMessageIds()).length > 0, true);
  });
});

/** How often the stream goes back to an earlier message. */
function goneBack(items: readonly string[]): number {
  const numbers = items.map((text) => Number(text.slice(1)));
  return numbers.filter((number, index) => index > 0 && number <= (numbers[index - 1] ?? -1)).length;
}

async function receiveBatches(
  receive: () => Promise<Message[]>,
  into: Collector<string>,
  acknowledge: (last: Message) => Promise<void>,
): Promise<void> {
  while (into.items.at(-1) !== `m${count - 1}`) {
    const messages = await receive();
    for (const message of messages) into.add(textOf(message));
    const last = messages.at(-1);
    if (last !== undefined) await acknowledge(last);
  }
}
