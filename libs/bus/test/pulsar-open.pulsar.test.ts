import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Client, PulsarAdmin } from '@pharos/pulsar-client';
import { freePort, keepingNamespace, unavailable, uniqueTopic } from '@pharos/testkit';
import { append, Collector } from './conformance/harness.ts';
import { type PulsarRig, startRig } from './pulsar-rig.ts';

describe('opening logs on Pulsar', { skip: unavailable('pulsar') }, () => {
  let rig: PulsarRig;
  before(async () => {
    rig = await startRig();
  });
  after(() => rig.close());

  test('a broker with all that Pharos needs has no limitations', async () => {
    const log = await rig.newBus().openLog({ topic: uniqueTopic('whole') });
    assert.deepEqual(log.limitations, []);
  });

  test('a log is given the policies that it needs, on its topic alone', async () => {
    const admin = new PulsarAdmin({ adminUrl: rig.server.adminUrl });
    const other = uniqueTopic('other');
    await admin.createNonPartitionedTopic(other);
    for (const lanes of [1, 2]) {
      const topic = uniqueTopic('policies');
      await rig.newBus({ retentionMinutes: 30 }).openLog({ topic, lanes });
      assert.equal(await admin.isTopicDeduplicated(topic), true);
      assert.equal(await admin.isTopicDeletedWhileInactive(topic), false);
      assert.deepEqual(await admin.getTopicRetention(topic), { retentionTimeInMinutes: 30, retentionSizeInMB: -1 });
      await rig.newBus({ retentionMinutes: 20 }).openLog({ topic });
      assert.equal((await admin.getTopicRetention(topic)).retentionTimeInMinutes, 30, 'more than enough is left alone');
      await rig.newBus({ retentionMinutes: 30 }).openLog({ topic, keepMs: 3 * 3_600_000 - 1 });
      assert.equal((await admin.getTopicRetention(topic)).retentionTimeInMinutes, 180, 'as long as its history goes');
    }
    assert.equal(await admin.isTopicDeduplicated(other), false);
    assert.equal(await admin.isTopicDeletedWhileInactive(other), true);
  });

  test('where there is a backlog quota, who is behind it stops nobody from publishing', async () => {
    const admin = new PulsarAdmin({ adminUrl: rig.server.adminUrl });
    for (const lanes of [1, 2]) {
      const topic = uniqueTopic('quota');
      await rig.newBus().openLog({ topic, lanes });
      const before = await admin.getTopicBacklogQuotas(topic);
      assert.ok([...before.values()].every(({ limitSize, limitTime }) => limitSize < 0 && limitTime < 0));
      const size = { limitSize: 1_000_000, limitTime: -1, policy: 'producer_request_hold' } as const;
      const age = { limitSize: -1, limitTime: 600, policy: 'producer_exception' } as const;
      await admin.setTopicBacklogQuota(topic, 'destination_storage', size);
      await admin.setTopicBacklogQuota(topic, 'message_age', age);
      assert.deepEqual((await rig.newBus().openLog({ topic })).limitations, []);
      const quotas = await admin.getTopicBacklogQuotas(topic);
      const policy = 'consumer_backlog_eviction';
      assert.deepEqual(quotas.get('destination_storage'), { ...size, policy });
      assert.deepEqual(quotas.get('message_age'), { ...age, policy });
    }
  });

  test('a topic that a plain client made gets an epoch that all edges agree on', async () => {
    const topic = uniqueTopic('foreign');
    const plain = new Client({ serviceUrl: rig.server.serviceUrl });
    const producer = await plain.createProducer({ topic });
    await producer.send({ data: Buffer.from('old line') });
    await plain.close();
    const logs = await Promise.all([1, 2, 3].map(() => rig.newBus().openLog({ topic })));
    assert.equal(new Set(logs.map((log) => log.epoch)).size, 1);
    assert.match(logs[0]?.epoch ?? '', /^[0-9a-f]+\.1$/);
    const collector = new Collector();
    await logs[0]?.attach(0, collector, { at: 'earliest' });
    await collector.untilCount(1);
    assert.deepEqual(collector.texts, ['old line']);
  });

  test('a topic that was made anew under a log that nobody follows: its lanes are not followed by the offsets of another life', async () => {
    const bus = rig.newBus();
    const topic = uniqueTopic('anew');
    const log = await bus.openLog({ topic });
    await append(log, 'chat', 'old');
    await log.close();
    const stale = await bus.openLog({ topic });
    await rig.admin('DELETE', `${topic.replace('://', '/')}?force=true`);
    const anew = await rig.newBus().openLog({ topic });
    assert.notEqual(anew.epoch, stale.epoch);
    await append(anew, 'chat', 'new');
    await assert.rejects(stale.attach(0, new Collector(), { at: 'recent', maxAgeMs: 60_000 }), { code: 'log-ended' });
    const collector = new Collector();
    await anew.attach(0, collector, { at: 'recent', maxAgeMs: 60_000 });
    await collector.untilCount(1);
    assert.deepEqual(collector.texts, ['new']);
  });

  test('without the admin API a log is live only, and says what to set', async () => {
    const adminUrl = `http://127.0.0.1:${await freePort()}`;
    const log = await rig.newBus({ adminUrl }).openLog({ topic: uniqueTopic('noadmin') });
    assert.equal(log.epoch, '');
    assert.equal(log.limitations.length, 1);
    assert.ok(log.limitations[0]?.includes(adminUrl), log.limitations[0]);
    assert.match(log.limitations[0] ?? '', /PHAROS_PULSAR_ADMIN_URL/);
    const collector = new Collector();
    await log.attach(0, collector);
    await append(log, 'chat', 'live');
    await collector.untilCount(1);
  });

  test('without the admin API a log can’t be made with lanes, but one that has them is found', async () => {
    const adminUrl = `http://127.0.0.1:${await freePort()}`;
    const topic = uniqueTopic('lanes');
    const blind = rig.newBus({ adminUrl });
    await assert.rejects(blind.openLog({ topic, lanes: 3 }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'unreachable');
      assert.ok(error.message.includes(adminUrl), error.message);
      return true;
    });
    await rig.newBus().openLog({ topic, lanes: 3 });
    assert.equal((await blind.openLog({ topic, lanes: 3 })).lanes, 3);
  });

  test('what does not answer, or isn’t Pulsar, is named', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    const http = createHttpServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    const ports = [await freePort(), (silent.address() as AddressInfo).port, (http.address() as AddressInfo).port];
    try {
      for (const port of ports) {
        const serviceUrl = `pulsar://127.0.0.1:${port}`;
        const bus = rig.newBus({ serviceUrl, adminUrl: 'http://127.0.0.1:1', operationTimeoutMs: 1500 });
        await assert.rejects(bus.openLog({ topic: uniqueTopic('nobody') }), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'unreachable', error.message);
          assert.ok(error.message.includes(`127.0.0.1:${port}`), error.message);
          return true;
        });
        await bus.close();
      }
    } finally {
      silent.close();
      http.close();
      http.closeAllConnections();
    }
  });
});

describe('a broker without the index interceptor', { skip: unavailable('pulsar') }, () => {
  let rig: PulsarRig;
  before(async () => {
    rig = await startRig({
      brokerEntryMetadataInterceptors: '',
      exposingBrokerEntryMetadataToClientEnabled: 'false',
      activeConsumerFailoverDelayTimeMillis: '1000',
      topicLevelPoliciesEnabled: 'false',
    });
  });
  after(() => rig.close());

  test('is used for live delivery, and each missing setting is named', async () => {
    const warnings: string[] = [];
    const note = (_detail: object, message: string): number => warnings.push(message);
    const bus = rig.newBus({ logger: { debug: () => undefined, info: () => undefined, warn: note, error: note } });
    const topic = uniqueTopic('bare');
    const look = await bus.lookAt({ topic });
    assert.deepEqual([look.isThere, look.changes], [false, []], 'what it would have to set it can not');
    const log = await bus.openLog({ topic });
    // Of what can't be set each says in its own words why.
    const lacks = (limitations: readonly string[]): string[] => limitations.map((text) => text.replace(/ \(.*/, ''));
    assert.deepEqual(lacks(look.limitations), lacks(log.limitations), 'all of it is known beforehand');
    const text = log.limitations.join('\n');
    assert.match(text, /AppendIndexMetadataInterceptor/);
    assert.match(text, /exposingBrokerEntryMetadataToClientEnabled/);
    assert.match(text, /activeConsumerFailoverDelayTimeMillis/);
    assert.match(text, /may come twice.*set-deduplication/);
    assert.match(text, /may be gone.*set-retention/);
    assert.doesNotMatch(text, /backlog quota/, 'there is none');
    assert.match(text, /is deleted, with its epoch.*set-inactive-topic-policies/);
    const collector = new Collector();
    const tail = await log.attach(0, collector);
    assert.equal(tail.indexed, false);
    await append(log, 'chat', 'one');
    await append(log, 'chat', 'two');
    await collector.untilCount(2);
    assert.deepEqual(collector.texts, ['one', 'two']);
    assert.deepEqual(
      collector.seen.map((seen) => seen.offset),
      [0, 0],
    );
    assert.equal(tail.head, 0);
    assert.ok(
      warnings.some((warning) => warning.includes('activeConsumerFailoverDelayTimeMillis')),
      warnings.join(),
    );
  });

  test('that takes no policies of topics: what the namespace says is seen, and is enough', async () => {
    const admin = new PulsarAdmin({ adminUrl: rig.server.adminUrl });
    const namespace = await keepingNamespace(rig.server.adminUrl);
    await admin.setDeduplication(namespace, true);
    const quota = { limitSize: 1_000_000, limitTime: -1, policy: 'producer_request_hold' };
    await rig.admin('POST', `namespaces/${namespace}/backlogQuota?backlogQuotaType=destination_storage`, quota);
    const log = await rig.newBus().openLog({ topic: uniqueTopic('bare', namespace) });
    const text = log.limitations.join('\n');
    assert.doesNotMatch(text, /may come twice|may be gone/);
    assert.match(text, /publishing stops.*set-backlog-quota/);
  });
});
