import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerLimitations } from '../src/pulsar/broker-checks.ts';
import { ensureTopic, epochProperty, readEpoch, type TopicAdmin } from '../src/pulsar/ensure-topic.ts';

/** An admin API in memory; each call takes a moment, so that callers interleave. */
class FakeAdmin implements TopicAdmin {
  readonly topics = new Map<string, { partitions: number; properties: Record<string, string> }>();
  creations = 0;

  async partitions(topic: string): Promise<number | undefined> {
    await delay(Math.random() * 5);
    return this.topics.get(topic)?.partitions;
  }

  async createTopic(topic: string, partitions: number, properties: Readonly<Record<string, string>>): Promise<boolean> {
    await delay(Math.random() * 5);
    if (this.topics.has(topic)) return false;
    this.creations++;
    this.topics.set(topic, { partitions, properties: { ...properties } });
    return true;
  }

  async properties(topic: string): Promise<Readonly<Record<string, string>> | undefined> {
    await delay(Math.random() * 5);
    const properties = this.topics.get(topic)?.properties;
    return properties === undefined ? undefined : { ...properties };
  }

  async addProperties(topic: string, properties: Readonly<Record<string, string>>): Promise<void> {
    await delay(Math.random() * 50);
    Object.assign(this.topics.get(topic)?.properties ?? {}, properties);
  }
}

describe('ensuring a topic', () => {
  test('edges that create it at once agree on its epoch', async () => {
    const admin = new FakeAdmin();
    const ensured = await Promise.all(Array.from({ length: 8 }, () => ensureTopic(admin, 't', 4)));
    assert.equal(admin.creations, 1);
    assert.equal(new Set(ensured.map(({ epoch }) => epoch)).size, 1);
    assert.match(ensured[0]?.epoch ?? '', /^[0-9a-f]{12}\.4$/);
    assert.equal(await readEpoch(admin, 't', true), ensured[0]?.epoch);
  });

  test('edges that find it without an epoch agree on one, those that come a little later too', async () => {
    for (const spreadMs of [0, 10, 700]) {
      const admin = new FakeAdmin();
      admin.topics.set('t', { partitions: 0, properties: { kept: 'yes' } });
      const edges = Array.from({ length: 12 }, async () => {
        await delay(Math.random() * spreadMs);
        return ensureTopic(admin, 't', undefined);
      });
      const ensured = await Promise.all(edges);
      assert.equal(new Set(ensured.map(({ epoch }) => epoch)).size, 1, `started within ${spreadMs} ms`);
      assert.equal(ensured[0]?.partitions, 0);
      assert.match(ensured[0].epoch, /^[0-9a-f]{12}\.1$/);
      assert.equal(admin.topics.get('t')?.properties['kept'], 'yes');
    }
  });

  test('an epoch that somebody else made is taken, unless it could not be told apart from its lanes', async () => {
    const admin = new FakeAdmin();
    admin.topics.set('t', { partitions: 2, properties: { [epochProperty]: 'handmade_1' } });
    assert.equal((await ensureTopic(admin, 't', 1)).epoch, 'handmade_1.2');
    admin.topics.set('t', { partitions: 2, properties: { [epochProperty]: 'a.b' } });
    await assert.rejects(ensureTopic(admin, 't', undefined), { code: 'refused', message: /pharos-epoch/ });
  });

  test('a topic that never appears is an error, not a wait for ever', async () => {
    const admin = new FakeAdmin();
    admin.createTopic = async () => false;
    await assert.rejects(ensureTopic(admin, 't', undefined), { code: 'refused' });
    assert.equal(await readEpoch(admin, 't', false), undefined);
  });
});

describe('what the broker must have', () => {
  const whole = {
    brokerEntryMetadataInterceptors:
      '[org.apache.pulsar.common.intercept.AppendIndexMetadataInterceptor, ' +
      'org.apache.pulsar.common.intercept.AppendBrokerTimestampMetadataInterceptor]',
    exposingBrokerEntryMetadataToClientEnabled: 'true',
    activeConsumerFailoverDelayTimeMillis: '0',
  };

  test('nothing is said of a broker that has it', () => {
    assert.deepEqual(brokerLimitations(whole, 'failover'), []);
  });

  test('each setting that is missing is named', () => {
    const missing: [string, Record<string, string>, RegExp][] = [
      ['interceptors', { brokerEntryMetadataInterceptors: '[]' }, /AppendIndexMetadataInterceptor/],
      [
        'exposing',
        { exposingBrokerEntryMetadataToClientEnabled: 'false' },
        /exposingBrokerEntryMetadataToClientEnabled=true/,
      ],
      ['delay', { activeConsumerFailoverDelayTimeMillis: '1000' }, /1000 ms.*activeConsumerFailoverDelayTimeMillis=0/],
    ];
    for (const [name, change, expected] of missing) {
      assert.match(brokerLimitations({ ...whole, ...change }, 'failover').join('\n'), expected, name);
    }
    assert.deepEqual(brokerLimitations({ ...whole, activeConsumerFailoverDelayTimeMillis: '1000' }, 'exclusive'), []);
  });
});
