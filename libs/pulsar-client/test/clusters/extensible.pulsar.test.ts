// Two real brokers under the extensible load manager, which tells clients where a topic moves to.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import {
  type ClusterBroker,
  eventually,
  keepingNamespace,
  type PulsarCluster,
  startPulsarCluster,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import type { ClientConfig } from '../../src/client-config.ts';
import { Asked } from '../support/asked.ts';
import { faultRounds } from '../support/chance.ts';
import { attachedUnderLoad, underLoad } from '../support/under-load.ts';

let cluster: PulsarCluster;
let admin: PulsarAdmin;

before(
  async () => {
    cluster = await startPulsarCluster({ loadManager: 'extensible' });
    admin = new PulsarAdmin({ adminUrl: cluster.adminUrl });
  },
  { timeout: 240_000 },
);

after(() => cluster.stop());

function newClient(t: TestContext, config: Partial<ClientConfig> = {}): Client {
  const { serviceUrl } = cluster;
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

describe('two brokers that name each other', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('a topic that moves to and fro under load: everybody follows without asking, nothing is lost, stored twice or misplaced', async (t) => {
    const topic = await newTopic('moved');
    const asked = Asked.watch(t);
    let reattached = 0;
    const client = newClient(t, { metrics: { reattached: () => void reattached++ } });
    const moves = faultRounds(6);
    let expected = 0;
    const move = async (): Promise<void> => {
      await cluster.move(topic, cluster.other(await cluster.ownerOf(topic)));
      expected += attachedUnderLoad;
      await eventually(() => reattached >= expected || undefined, 'return of all', 30_000);
    };
    const started = (): void => asked.clear();
    await underLoad(t, client, { topic, total: 500, every: 200, disturbances: moves, disturb: move, started });
    const lookups = asked.lookups(topic);
    const attached = asked.attached(topic);
    const brokers = new Set(attached.map(({ connection }) => connection.url));
    t.diagnostic(JSON.stringify({ moves, attempts: asked.attempts(topic).length, lookups: lookups.length }));
    assert.equal(attached.length, moves * attachedUnderLoad);
    assert.equal(brokers.size, 2, 'they were at both');
    assert.deepEqual(lookups, [], 'nobody had to ask where to go');
  });

  test('partitions on both: one connection to each, shared by all producers and consumers', async (t) => {
    const topic = await newTopic('partitions');
    await admin.createPartitionedTopic(topic, 6);
    const partitions = Array.from({ length: 6 }, (_, index) => `${topic}-partition-${index}`);
    const owners = await spread(partitions);
    let opened = 0;
    const metrics = { connection: (event: string): void => void (event === 'opened' && opened++) };
    const client = newClient(t, { metrics });
    const consumer = await client.subscribe({ topic, subscription: 's' });
    const producer = await client.createProducer({ topic, messageRoutingMode: 'RoundRobinDistribution' });
    await Promise.all(Array.from({ length: 60 }, (_, n) => producer.send({ data: Buffer.from(String(n)) })));
    for (let n = 0; n < 60; n++) await consumer.acknowledge(await consumer.receive(20_000));
    const addresses = new Map<ClusterBroker, Set<string>>();
    for (const partition of partitions) {
      const owner = owners.get(partition) as ClusterBroker;
      const known = addresses.get(owner) ?? new Set();
      for (const address of await clientAddresses(partition)) known.add(address);
      addresses.set(owner, known);
    }
    t.diagnostic(JSON.stringify({ opened, perBroker: [...addresses.values()].map(({ size }) => size) }));
    assert.equal(opened, 2);
    assert.deepEqual(
      [...addresses.values()].map(({ size }) => size),
      [1, 1],
      'each broker sees one address of the client',
    );
  });

  test('the broker of a topic is killed under load: the other takes over, nothing is lost, stored twice or misplaced', async (t) => {
    const topic = await newTopic('killed');
    let killed: ClusterBroker | undefined;
    const kill = async (): Promise<void> => {
      killed = await cluster.ownerOf(topic);
      await killed.kill();
    };
    await underLoad(t, newClient(t), { topic, total: 2000, every: 600, disturbances: 1, disturb: kill });
    await killed?.start();
    await cluster.untilComplete();
  });
});

/** Has both brokers own some of the partitions. */
async function spread(partitions: readonly string[]): Promise<Map<string, ClusterBroker>> {
  const bundles = new Map<string, string[]>();
  for (const partition of partitions) {
    const bundle = await cluster.bundleOf(partition);
    bundles.set(bundle, [...(bundles.get(bundle) ?? []), partition]);
  }
  assert.ok(bundles.size > 1, 'the partitions are in several bundles');
  const owners = new Map<string, ClusterBroker>();
  for (const [index, [, inBundle]] of [...bundles].entries()) {
    const wanted = cluster.brokers[index % 2] as ClusterBroker;
    const [first = ''] = inBundle;
    if ((await cluster.ownerOf(first)) !== wanted) await cluster.move(first, wanted);
    for (const partition of inBundle) owners.set(partition, wanted);
  }
  return owners;
}

/** Where the producers and consumers of a partition come from, as its broker sees it. */
async function clientAddresses(partition: string): Promise<string[]> {
  const { publishers, subscriptions } = (await admin.getStats(partition)) as {
    readonly publishers: readonly { readonly address: string }[];
    readonly subscriptions: { readonly s: { readonly consumers: readonly { readonly address: string }[] } };
  };
  assert.equal(publishers.length, 1);
  assert.equal(subscriptions.s.consumers.length, 1);
  return [...publishers, ...subscriptions.s.consumers].map(({ address }) => address);
}
