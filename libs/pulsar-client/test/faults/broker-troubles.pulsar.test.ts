// What brokers do to those that are attached to them: topics move, are deleted, and are full.
import assert from 'node:assert/strict';
import { before, describe, test, type TestContext } from 'node:test';
import {
  Collector,
  eventually,
  keepingNamespace,
  type SharedPulsar,
  sharedPulsar,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import type { EntryConsumerEvent } from '../../src/consumer/entry-consumer.ts';
import { MessageId } from '../../src/message-id.ts';
import type { Producer } from '../../src/producer/producer.ts';
import { faultRounds } from '../support/chance.ts';
import { textOf } from '../support/consuming.ts';
import { follow } from '../support/entries.ts';
import { NumberedLoad, Receipts } from '../support/fault-load.ts';
import { consume } from '../support/fault-receivers.ts';
import { pulsarError } from '../support/producers.ts';

const allComeWithinMs = 120_000;

let pulsar: SharedPulsar;
let admin: PulsarAdmin;

before(
  async () => {
    pulsar = await sharedPulsar();
    admin = new PulsarAdmin({ adminUrl: pulsar.adminUrl });
  },
  { timeout: 240_000 },
);

function newClient(t: TestContext, operationTimeoutSeconds = 30): Client {
  const client = new Client({
    serviceUrl: pulsar.serviceUrl,
    initialBackoffMs: 1,
    maxBackoffMs: 50,
    operationTimeoutSeconds,
  });
  t.after(() => client.close(1000));
  return client;
}

async function call(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${pulsar.adminUrl}/admin/v2/${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

const send = (producer: Producer, text: string): Promise<MessageId> => producer.send({ data: Buffer.from(text) });

describe('a broker in trouble', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('whose topic is unloaded again and again under load: nothing is lost, stored twice or misplaced', async (t) => {
    const namespace = await keepingNamespace(pulsar.adminUrl);
    await admin.setDeduplication(namespace, true);
    const topic = uniqueTopic('unloaded', namespace);
    const client = newClient(t);
    const total = faultRounds(1500);
    const unloads: Promise<void>[] = [];
    let left = 200;
    const onAcknowledged = (): void => {
      if (--left > 0) return;
      left = 200;
      // One after another.
      const last = unloads.at(-1) ?? Promise.resolve();
      unloads.push(last.then(() => admin.unload(topic)));
    };
    const consumer = await client.subscribe({ topic, subscription: 's' });
    const [acknowledging, positioned] = [new Receipts('consumer'), new Receipts('reader')];
    const consuming = consume(consumer, acknowledging, 'cumulative');
    const startMessageId = MessageId.earliest();
    const listener = (message: { getData(): Buffer; getMessageId(): MessageId }): void =>
      positioned.add(message.getData(), message.getMessageId());
    await client.createReader({ topic, startMessageId, listener });
    const { entries } = await follow(client, { topic, subscription: 'entries', startMessageId });
    const loads = await Promise.all(
      [{ batchingEnabled: false }, { batchingMaxPublishDelayMs: 1, batchingMaxMessages: 50 }].map(
        async (own, index) => {
          const producer = await client.createProducer({ topic, sendTimeoutMs: 0, ...own });
          return new NumberedLoad(`load${index}`, producer, { total, keys: 0, onAcknowledged });
        },
      ),
    );
    await Promise.all(loads.map((load) => load.run()));
    await Promise.all(unloads);
    for (const receipts of [acknowledging, positioned]) await receipts.untilReceived(2 * total, allComeWithinMs);
    await client.close();
    await consuming;
    const none = { lost: 0, duplicated: 0, afterConfirmation: 0, outOfOrder: 0, wrong: 0 };
    const perfect = { acknowledged: 2 * total, received: 2 * total, ...none };
    for (const receipts of [acknowledging, positioned]) {
      const counts = receipts.counts(loads);
      t.diagnostic(`${receipts.name}: ${JSON.stringify({ unloads: unloads.length, ...counts })}`);
      const redelivered = receipts === positioned ? 0 : counts.redelivered;
      assert.deepEqual(counts, { ...perfect, redelivered }, receipts.name);
    }
    const ids = entries.items.map(({ messageId }) => messageId.toString());
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(
      loads.flatMap(({ failures }) => failures),
      [],
    );
  });

  test('whose topic is deleted: producer and consumer go on with the topic that takes its place', async (t) => {
    const topic = uniqueTopic('deleted');
    const client = newClient(t);
    const consumer = await client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
    const connected = new Collector<boolean>();
    const producer = await client.createProducer({ topic, batchingEnabled: false, connectionListener: connected.add });
    await send(producer, 'before');
    assert.equal(textOf(await consumer.receive()), 'before');
    await admin.delete(topic, { force: true });
    await connected.waitUntil((seen) => seen.length >= 3 && seen.at(-1) === true, 'the producer is back');
    await send(producer, 'after');
    assert.equal(textOf(await consumer.receive()), 'after');
  });

  test('whose topic is deleted and may not be made again: producer, consumer and entry consumer are told why', async (t) => {
    const namespace = await keepingNamespace(pulsar.adminUrl);
    const topic = uniqueTopic('deleted', namespace);
    const client = newClient(t);
    await admin.createNonPartitionedTopic(topic);
    await call('POST', `namespaces/${namespace}/autoTopicCreation`, { allowAutoTopicCreation: false });
    const consumer = await client.subscribe({ topic, subscription: 's' });
    const { events } = await follow(client, { topic, subscription: 'entries' });
    const producer = await client.createProducer({ topic, batchingEnabled: false, sendTimeoutMs: 0 });
    const receiving = consumer.receive();
    await send(producer, 'before');
    assert.equal(textOf(await receiving), 'before');
    const next = consumer.receive();
    next.catch(() => undefined);
    await admin.delete(topic, { force: true });
    const isOver = (event: EntryConsumerEvent): boolean => event.type === 'closed';
    const over = await events.waitFor(isOver, 'end of the entry consumer');
    assert.equal(over.type === 'closed' ? over.error?.code : undefined, 'TopicNotFound');
    await assert.rejects(next, pulsarError('TopicNotFound'));
    await eventually(() => producer.getFailure(), 'failure of the producer');
    await assert.rejects(send(producer, 'after'), pulsarError('TopicNotFound'));
    assert.equal(producer.getFailure()?.code, 'TopicNotFound');
  });

  for (const [policy, code] of [
    ['producer_exception', 'ProducerBlockedQuotaExceededException'],
    ['producer_request_hold', 'ProducerBlockedQuotaExceededError'],
  ] as const) {
    test(`whose backlog quota is used up (${policy}): ${code}, and it goes on once there is room`, async (t) => {
      const namespace = await keepingNamespace(pulsar.adminUrl);
      const quota = { limitSize: 1000, limitTime: -1, policy };
      await call('POST', `namespaces/${namespace}/backlogQuota?backlogQuotaType=destination_storage`, quota);
      const topic = uniqueTopic('full', namespace);
      const client = newClient(t);
      await (await client.subscribe({ topic, subscription: 's' })).close();
      const connected = new Collector<boolean>();
      const config = { topic, batchingEnabled: false, sendTimeoutMs: 0 };
      const producer = await client.createProducer({ ...config, connectionListener: connected.add });
      await producer.send({ data: Buffer.alloc(5000) });
      // Whoever is attached is asked to leave at the broker's next look at the quota, or with the topic.
      await admin.unload(topic);
      await connected.waitUntil((seen) => seen.includes(false), 'loss of the topic');
      const held = send(producer, 'held');
      held.catch(() => undefined);
      // A new one is refused, after trying for as long as an operation may take.
      await assert.rejects(newClient(t, 0.5).createProducer(config), pulsarError(code));
      if (policy === 'producer_exception') await assert.rejects(held, pulsarError(code));
      await call('POST', `${topic.replace('://', '/')}/subscription/s/skip_all`);
      if (policy === 'producer_request_hold') await held;
      await connected.waitUntil((seen) => seen.at(-1) === true, 'return to the topic');
      await send(producer, 'room');
    });
  }
});
