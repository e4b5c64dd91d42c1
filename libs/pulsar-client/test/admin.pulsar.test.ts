// The admin client before a real broker.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { sharedPulsar, type SharedPulsar, uniqueTopic } from '@pharos/testkit';
import { AdminError } from '../src/admin/admin-error.ts';
import { PulsarAdmin } from '../src/admin/admin.ts';
import { Client } from '../src/client.ts';

const timeout = 180_000;

let pulsar: SharedPulsar;
let admin: PulsarAdmin;

before(
  async () => {
    pulsar = await sharedPulsar();
    admin = new PulsarAdmin({ adminUrl: pulsar.adminUrl });
  },
  { timeout },
);

/** The properties that were given; the broker keeps its interceptor's count of a plain topic among them. */
async function ownProperties(topic: string): Promise<Record<string, string>> {
  const { index: _count, ...own } = await admin.getProperties(topic);
  return own;
}

function adminError(code: string): (error: unknown) => boolean {
  return (error) => error instanceof AdminError && error.code === code;
}

describe('admin', { timeout }, () => {
  for (const partitions of [0, 3]) {
    const kind = partitions === 0 ? 'a plain topic' : 'a partitioned topic';
    const create = (topic: string, properties?: Record<string, string>): Promise<void> =>
      partitions === 0
        ? admin.createNonPartitionedTopic(topic, properties)
        : admin.createPartitionedTopic(topic, partitions, properties);

    test(`${kind} is made once, with its properties, and deleted`, async () => {
      const topic = uniqueTopic('admin');
      assert.equal(await admin.getPartitions(topic), undefined);
      await create(topic, { epoch: 'e1', 'with space': 'ü' });
      assert.equal(await admin.getPartitions(topic), partitions);
      assert.deepEqual(await ownProperties(topic), { epoch: 'e1', 'with space': 'ü' });
      await assert.rejects(create(topic, { epoch: 'e2' }), adminError('conflict'));
      assert.equal((await admin.getProperties(topic))['epoch'], 'e1');
      await admin.updateProperties(topic, { more: 'm' });
      await admin.updateProperties(topic, { epoch: 'e3' });
      assert.deepEqual(await ownProperties(topic), { epoch: 'e3', more: 'm', 'with space': 'ü' });
      await admin.delete(topic);
      assert.equal(await admin.getPartitions(topic), undefined);
      await assert.rejects(admin.getProperties(topic), adminError('not-found'));
      await assert.rejects(admin.delete(topic), adminError('not-found'));
      await create(topic, {});
      assert.deepEqual(await ownProperties(topic), {});
      await admin.delete(topic);
    });
  }

  test('a topic that is in use is only deleted by force', async (t) => {
    const client = new Client({ serviceUrl: pulsar.serviceUrl });
    t.after(() => client.close());
    const topic = uniqueTopic('in-use');
    const producer = await client.createProducer({ topic });
    await assert.rejects(admin.delete(topic), adminError('conflict'));
    await producer.close();
    await admin.delete(topic, { force: true });
    assert.equal(await admin.getPartitions(topic), undefined);
  });

  test('lists and describes topics', async (t) => {
    const client = new Client({ serviceUrl: pulsar.serviceUrl });
    t.after(() => client.close());
    const topic = uniqueTopic('listed');
    const producer = await client.createProducer({ topic, batchingEnabled: false });
    await producer.send({ data: Buffer.from('x') });
    const topics = await admin.listTopics('public/default');
    assert.ok(topics.includes(topic), 'the list has the topic');
    const stats = await admin.getStats(topic);
    assert.equal(stats['msgInCounter'], 1);
    assert.equal((stats['publishers'] as unknown[]).length, 1);
    const internal = await admin.getInternalStats(topic);
    assert.equal(internal['entriesAddedCounter'], 1);
    await admin.unload(topic);
    await producer.send({ data: Buffer.from('y') });
    await assert.rejects(admin.getStats(uniqueTopic('absent')), adminError('not-found'));
  });

  test('policies of a namespace and of a topic', async () => {
    const namespace = `public/ns-${randomBytes(6).toString('hex')}`;
    const response = await fetch(`${pulsar.adminUrl}/admin/v2/namespaces/${namespace}`, { method: 'PUT' });
    assert.equal(response.status, 204);
    assert.equal(await admin.getRetention(namespace), undefined);
    await admin.setRetention(namespace, { retentionTimeInMinutes: 60, retentionSizeInMB: -1 });
    assert.deepEqual(await admin.getRetention(namespace), { retentionTimeInMinutes: 60, retentionSizeInMB: -1 });
    assert.equal(await admin.getDeduplication(namespace), undefined);
    await admin.setDeduplication(namespace, true);
    assert.equal(await admin.getDeduplication(namespace), true);
    const topic = uniqueTopic('policies', namespace);
    await admin.createNonPartitionedTopic(topic);
    assert.equal(await admin.isTopicDeduplicated(topic), true);
    await admin.setTopicDeduplication(topic, false);
    assert.equal(await admin.isTopicDeduplicated(topic), false);
    await assert.rejects(admin.getRetention('public/absent'), adminError('not-found'));
  });

  test('tells of the broker', async () => {
    assert.equal(await admin.isReady(), true);
    const configuration = await admin.getRuntimeConfiguration();
    assert.match(configuration['brokerEntryMetadataInterceptors'] ?? '', /AppendIndexMetadataInterceptor/);
    assert.equal(configuration['exposingBrokerEntryMetadataToClientEnabled'], 'true');
  });
});
