// A cluster is left for another, blue for green: its brokers send all clients there.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test, type TestContext } from 'node:test';
import { eventually, type PulsarServer, startPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import { MessageId } from '../../src/message-id.ts';
import { Asked } from '../support/asked.ts';
import { textOf } from '../support/consuming.ts';
import { NumberedLoad, Receipts } from '../support/fault-load.ts';
import { consume } from '../support/fault-receivers.ts';
import { readBack } from '../support/read-back.ts';

const allComeWithinMs = 60_000;

let blue: PulsarServer;
let green: PulsarServer;

before(
  async () => {
    const start = (clusterName: string): Promise<PulsarServer> =>
      startPulsar({ overrides: { clusterName, clusterMigrationCheckDurationSeconds: '1' } });
    [blue, green] = await Promise.all([start('blue'), start('green')]);
  },
  { timeout: 240_000 },
);

after(() => Promise.all([blue.stop(), green.stop()]));

function newClient(t: TestContext, serviceUrl: string): Client {
  const client = new Client({ serviceUrl, initialBackoffMs: 10, maxBackoffMs: 200 });
  t.after(() => client.close(1000));
  return client;
}

/** A namespace of both that keeps everything and removes duplicates. */
async function newNamespace(): Promise<string> {
  const namespace = `public/migrated-${randomBytes(6).toString('hex')}`;
  for (const { adminUrl } of [blue, green]) {
    await call(adminUrl, 'PUT', `namespaces/${namespace}`);
    const admin = new PulsarAdmin({ adminUrl });
    await admin.setRetention(namespace, { retentionTimeInMinutes: -1, retentionSizeInMB: -1 });
    await admin.setDeduplication(namespace, true);
  }
  return namespace;
}

async function call(adminUrl: string, method: 'PUT' | 'POST', path: string, body: object = {}): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${adminUrl}/admin/v2/${path}`, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

describe('a cluster that is left for another', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('takes producers, consumers, readers and tails along under load: what was acknowledged is received, once', async (t) => {
    const topic = uniqueTopic('topic', await newNamespace());
    const asked = Asked.watch(t);
    const client = newClient(t, blue.serviceUrl);
    // One that is away, and has its backlog to drain where it was.
    await (await client.subscribe({ topic, subscription: 'late' })).close();
    const received = ['consumer', 'reader', 'late', 'entries'].map((name) => new Receipts(name));
    const [acknowledging, positioned, late, tailed] = received as [Receipts, Receipts, Receipts, Receipts];
    const consumer = await client.subscribe({ topic, subscription: 's' });
    const consuming = [consume(consumer, acknowledging, 'individual')];
    await client.createReader({
      topic,
      startMessageId: MessageId.earliest(),
      listener: (message) => positioned.add(message.getData(), message.getMessageId()),
    });
    await client.subscribeEntries({
      topic,
      subscription: 'entries',
      onReadable: (entries) => {
        for (let entry = entries.tryReceive(); entry !== undefined; entry = entries.tryReceive())
          tailed.add(entry.payload, entry.messageId);
      },
    });
    const producer = await client.createProducer({ topic, sendTimeoutMs: 0, batchingEnabled: false });
    let over = false;
    // One at a time: a broker that has several under way can fence the topic and never serve it again.
    const load = new NumberedLoad('load', producer, { total: 300, keys: 0, underWay: 1, goesOn: () => !over });
    const running = load.run();
    await acknowledging.untilReceived(100, allComeWithinMs);
    const urls = { serviceUrl: green.adminUrl, brokerServiceUrl: green.serviceUrl };
    await call(blue.adminUrl, 'POST', 'clusters/blue/migrate?migrated=true', urls);
    const onGreen = (type: 'producer' | 'subscribe'): number =>
      new Set(
        asked
          .attached(topic)
          .filter((made) => made.type === type && made.connection.url === green.serviceUrl)
          .map(({ command }) => ('subscription' in command ? command.subscription : '')),
      ).size;
    await eventually(() => onGreen('producer') === 1 || undefined, 'producer on green', allComeWithinMs);
    over = true;
    await running;
    assert.deepEqual(load.failures, []);
    consuming.push(consume(await client.subscribe({ topic, subscription: 'late' }), late, 'individual'));
    for (const receipts of received) await receipts.untilReceived(load.acknowledged.size, allComeWithinMs);
    assert.equal(onGreen('subscribe'), received.length, 'all have moved');
    const stored = await Promise.all(
      [blue, green].map(async ({ serviceUrl }) => {
        const texts = await readBack(newClient(t, serviceUrl), topic);
        return texts.map(({ text }) => text);
      }),
    );
    const [before = [], since = []] = stored;
    t.diagnostic(JSON.stringify({ blue: before.length, green: since.length }));
    const acknowledged = load.acknowledged.size;
    assert.equal(new Set([...before, ...since]).size, acknowledged);
    assert.equal(before.length + since.length, acknowledged, 'none is on both');
    assert.ok(before.length > 0 && since.length > 0);
    const none = { lost: 0, duplicated: 0, redelivered: 0, afterConfirmation: 0, outOfOrder: 0, wrong: 0 };
    for (const receipts of received) {
      const counts = receipts.counts([load]);
      t.diagnostic(`${receipts.name}: ${JSON.stringify(counts)}`);
      assert.deepEqual(counts, { acknowledged, received: acknowledged, ...none }, receipts.name);
    }
    await client.close();
    await Promise.all(consuming);
  });

  test('sends whoever comes to it later to the other', async (t) => {
    const topic = uniqueTopic('later', await newNamespace());
    const client = newClient(t, blue.serviceUrl);
    const urls = { serviceUrl: green.adminUrl, brokerServiceUrl: green.serviceUrl };
    await call(blue.adminUrl, 'POST', 'clusters/blue/migrate?migrated=true', urls);
    const asked = Asked.watch(t);
    const producer = await client.createProducer({ topic, batchingEnabled: false });
    const consumer = await client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
    await producer.send({ data: Buffer.from('x') });
    assert.equal(textOf(await consumer.receive(20_000)), 'x');
    const at = asked.attached(topic).map(({ connection }) => connection.url);
    assert.deepEqual(at, [green.serviceUrl, green.serviceUrl]);
  });
});
