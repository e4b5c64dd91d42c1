// A real Pulsar proxy before two real brokers: clients reach the brokers only through it.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import {
  eventually,
  keepingNamespace,
  type PulsarCluster,
  type PulsarProxy,
  startProxy,
  startPulsarCluster,
  startPulsarProxy,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import type { ClientConfig } from '../../src/client-config.ts';
import { MessageId } from '../../src/message-id.ts';
import { Asked } from '../support/asked.ts';
import { faultRounds } from '../support/chance.ts';
import { takeTexts, texts } from '../support/consuming.ts';
import { follow, textsOf } from '../support/entries.ts';
import { attachedUnderLoad, underLoad } from '../support/under-load.ts';

let cluster: PulsarCluster;
let proxy: PulsarProxy;
let admin: PulsarAdmin;

before(
  async () => {
    cluster = await startPulsarCluster({ loadManager: 'extensible' });
    const [{ serviceUrl, adminUrl }] = cluster.brokers;
    proxy = await startPulsarProxy({ serviceUrl, adminUrl });
    admin = new PulsarAdmin({ adminUrl });
  },
  { timeout: 600_000 },
);

after(() => Promise.all([proxy.stop(), cluster.stop()]));

function newClient(t: TestContext, config: Partial<ClientConfig> = {}): Client {
  const { serviceUrl } = proxy;
  const client = new Client({ serviceUrl, initialBackoffMs: 1, maxBackoffMs: 50, ...config });
  t.after(() => client.close(1000));
  return client;
}

/** A topic whose messages are kept and deduplicated. */
async function newTopic(label: string): Promise<string> {
  const namespace = await keepingNamespace(cluster.adminUrl);
  await admin.setDeduplication(namespace, true);
  return uniqueTopic(label, namespace);
}

const sentOn = (asked: Asked, topic: string): boolean[] =>
  asked.lookups(topic).map(({ answer }) => answer?.proxyThroughServiceUrl ?? false);

describe('brokers behind a proxy', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('publish, consume, seek and read by way of it, with the broker’s index', async (t) => {
    const topic = await newTopic('proxied');
    const asked = Asked.watch(t);
    const client = newClient(t);
    const producer = await client.createProducer({ topic, batchingEnabled: false });
    const consumer = await client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
    const { entries } = await follow(client, { topic, subscription: 'entries', startMessageId: MessageId.earliest() });
    const ids = await Promise.all(texts(10).map((text) => producer.send({ data: Buffer.from(text) })));
    assert.deepEqual(await takeTexts(consumer, 10), texts(10));
    await consumer.seek(ids[4] as MessageId);
    assert.deepEqual(await takeTexts(consumer, 5), texts(10).slice(5));
    const reader = await client.createReader({ topic, startMessageId: ids[6] as MessageId });
    assert.deepEqual(await takeTexts(reader, 3), texts(10).slice(7));
    assert.equal(reader.hasNext(), false);
    await entries.waitUntil((seen) => seen.length === 10, 'all entries');
    assert.deepEqual(textsOf(entries.items), texts(10));
    // A proxy that kept the client's feature flags for itself would hide it.
    assert.deepEqual(
      entries.items.map(({ brokerEntry }) => brokerEntry?.index),
      texts(10).map((_, index) => index),
    );
    const lookups = sentOn(asked, topic);
    assert.ok(lookups.length > 0 && lookups.every((through) => through), 'the proxy says to come through it');
    const connections = new Set(asked.questions.map(({ connection }) => connection));
    const behind = [...connections].map(({ url, behindProxy }) => `${behindProxy ? 'broker' : 'proxy'} ${url}`).sort();
    assert.deepEqual(behind, [`broker ${proxy.serviceUrl}`, `proxy ${proxy.serviceUrl}`]);
  });

  test('a topic that moves is followed through the proxy without asking it', async (t) => {
    const topic = await newTopic('moved');
    let reattached = 0;
    const client = newClient(t, { metrics: { reattached: () => void reattached++ } });
    let expected = 0;
    let answered = 0;
    const moves = faultRounds(3);
    const move = async (): Promise<void> => {
      await cluster.move(topic, cluster.other(await cluster.ownerOf(topic)));
      expected += attachedUnderLoad;
      await eventually(() => reattached >= expected || undefined, 'return of all', 30_000);
    };
    const started = async (): Promise<void> => void (answered = await proxy.counter(lookupsTotal));
    await underLoad(t, client, { topic, total: 300, every: 200, disturbances: moves, disturb: move, started });
    const lookups = (await proxy.counter(lookupsTotal)) - answered;
    t.diagnostic(JSON.stringify({ moves, lookups }));
    assert.equal(lookups, 0, 'as the proxy counts them');
  });

  test('cuts on the way to it and its own sudden end lose, repeat and misplace nothing', async (t) => {
    const topic = await newTopic('cut');
    const way = await startProxy(proxy.serviceUrl.replace('pulsar://', ''));
    t.after(() => way.close());
    let cuts = 0;
    let turn = 0;
    const disturb = async (): Promise<void> => {
      turn++;
      if (turn % 4 === 0) {
        await proxy.kill();
        await proxy.start();
      } else if (turn % 4 === 2) {
        await cluster.move(topic, cluster.other(await cluster.ownerOf(topic)));
      } else cuts += way.cutAll();
    };
    const client = newClient(t, { serviceUrl: `pulsar://${way.address}` });
    await underLoad(t, client, { topic, total: 500, every: 200, disturbances: 4 * faultRounds(1), disturb });
    t.diagnostic(JSON.stringify({ cuts }));
    assert.ok(cuts > 0);
  });
});

const lookupsTotal = 'pulsar_proxy_lookup_requests_total';
