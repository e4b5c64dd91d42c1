// Two real brokers under the classic load manager: who asks the wrong one is sent on.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { keepingNamespace, type PulsarCluster, startPulsarCluster, unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import { lookupResult } from '../../src/wire/index.ts';
import { Asked } from '../support/asked.ts';
import { faultRounds } from '../support/chance.ts';
import { textOf } from '../support/consuming.ts';
import { underLoad } from '../support/under-load.ts';

let cluster: PulsarCluster;
let admin: PulsarAdmin;

before(
  async () => {
    cluster = await startPulsarCluster({ loadManager: 'classic' });
    admin = new PulsarAdmin({ adminUrl: cluster.adminUrl });
  },
  { timeout: 240_000 },
);

after(async () => {
  const pids = cluster.brokers.map(({ pid }) => pid);
  await cluster.stop();
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, `process ${pid} is left`);
});

function newClient(t: TestContext, serviceUrl: string): Client {
  const client = new Client({ serviceUrl, initialBackoffMs: 1, maxBackoffMs: 50 });
  t.after(() => client.close(1000));
  return client;
}

/** A topic whose messages are kept and deduplicated. */
async function newTopic(label: string): Promise<string> {
  const namespace = await keepingNamespace(cluster.adminUrl);
  await admin.setDeduplication(namespace, true);
  return uniqueTopic(label, namespace);
}

describe('two brokers that send on who asks them', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('a lookup is redirected to the leader, and by the leader with authority to the owner', async (t) => {
    const topic = await newTopic('redirected');
    const leader = await cluster.leader();
    const follower = cluster.other(leader);
    // Nobody has it yet: the leader remembers whom it is to give it to.
    await cluster.move(topic, follower);
    const asked = Asked.watch(t);
    const client = newClient(t, follower.serviceUrl);
    const consumer = await client.subscribe({ topic, subscription: 's' });
    const seen = asked.lookups(topic).map(({ url, authoritative, answer }) => ({
      url,
      authoritative,
      response: answer?.response,
      to: answer?.brokerServiceUrl,
      withAuthority: answer?.authoritative ?? false,
    }));
    t.diagnostic(JSON.stringify(seen));
    const { redirect, connect } = lookupResult;
    assert.deepEqual(
      seen.map(({ url, authoritative, response }) => ({ url, authoritative, response })),
      [
        { url: follower.serviceUrl, authoritative: false, response: redirect },
        { url: leader.serviceUrl, authoritative: false, response: redirect },
        { url: follower.serviceUrl, authoritative: true, response: connect },
      ],
    );
    const producer = await client.createProducer({ topic, batchingEnabled: false });
    await producer.send({ data: Buffer.from('x') });
    assert.equal(textOf(await consumer.receive(20_000)), 'x');
    assert.equal(await cluster.ownerOf(topic), follower);
  });

  test('a topic that moves under load: everybody asks and finds it, nothing is lost, stored twice or misplaced', async (t) => {
    const topic = await newTopic('moved');
    const asked = Asked.watch(t);
    const moves = faultRounds(6);
    const move = async (): Promise<void> => cluster.move(topic, cluster.other(await cluster.ownerOf(topic)));
    const started = (): void => asked.clear();
    const client = newClient(t, cluster.serviceUrl);
    await underLoad(t, client, { topic, total: 500, every: 200, disturbances: moves, disturb: move, started });
    const lookups = asked.lookups(topic);
    const redirects = lookups.filter(({ answer }) => answer?.response === lookupResult.redirect).length;
    const brokers = new Set(asked.attached(topic).map(({ connection }) => connection.url)).size;
    t.diagnostic(JSON.stringify({ moves, lookups: lookups.length, redirects, brokers }));
    // Where the topic goes is this load manager's choice, be it back: what is sure is that each time they ask.
    assert.ok(lookups.length >= moves, 'they asked after each move');
  });
});
