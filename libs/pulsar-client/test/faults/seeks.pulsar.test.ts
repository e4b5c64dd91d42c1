// Going to another place over a network that is slow, and over one that is cut meanwhile.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import type { Client } from '../../src/client.ts';
import { MessageId } from '../../src/message-id.ts';
import { Chance, faultRounds } from '../support/chance.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { Seeking } from '../support/seeking.ts';

/** Messages of each partition. */
const total = 300;

const skip = unavailable('pulsar');

let broker: FaultyBroker;
let direct: Client;

before(
  async () => {
    if (skip !== false) return;
    // It writes each acknowledgement down, not one a second: so it drops many a seek (docs/pulsar-consumers.md).
    broker = await FaultyBroker.start(1, { managedLedgerDefaultMarkDeleteRateLimit: '100000' });
    direct = broker.direct();
  },
  { timeout: 240_000 },
);

after(() => (skip === false ? broker.stop() : undefined));

/** `<partition>-<number>` in each partition, half of them in batches; the ids, by partition. */
async function publish(topic: string, partitions: number): Promise<MessageId[][]> {
  if (partitions > 1)
    await new PulsarAdmin({ adminUrl: broker.server.adminUrl }).createPartitionedTopic(topic, partitions);
  return Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const producer = await direct.createProducer({
        topic: partitions > 1 ? `${topic}-partition-${partition}` : topic,
        batchingMaxMessages: 5,
        batchingMaxPublishDelayMs: 1000,
      });
      const ids: Promise<MessageId>[] = [];
      for (let number = 0; number < total; number++) {
        ids.push(producer.send({ data: Buffer.from(`${partition}-${number}`) }));
        if (number % 20 >= 10) await producer.flush();
      }
      await producer.close();
      return Promise.all(ids);
    }),
  );
}

interface Rig {
  readonly t: TestContext;
  readonly partitions: number;
  readonly ackReceiptEnabled: boolean;
  /** Whether connections are cut while a seek is under way. */
  readonly cuts: boolean;
}

/** Seeks at random places, to random ones, while messages come and are acknowledged. */
async function seekAround({ t, partitions, ackReceiptEnabled, cuts }: Rig): Promise<void> {
  const chance = Chance.for(t);
  const topic = uniqueTopic('seeks');
  const ids = await publish(topic, partitions);
  const proxy = broker.proxy(0);
  const client = broker.client(0, { connectionsPerBroker: Math.min(2, partitions) });
  const consumer = await client.subscribe({
    topic,
    subscription: 's',
    subscriptionInitialPosition: 'Earliest',
    receiverQueueSize: 20,
    ackReceiptEnabled,
  });
  for (const direction of ['up', 'down'] as const) proxy.delay(direction, 3);
  const seeking = new Seeking(consumer, partitions);
  const everywhere = new Array<number>(partitions).fill(0);
  let cut = 0;
  const rounds = faultRounds(12);
  for (let round = 0; round < rounds; round++) {
    await seeking.untilMore(chance.between(1, 60), total);
    const partition = chance.between(0, partitions - 1);
    const number = chance.between(0, total - 1);
    const after: (number | undefined)[] = [];
    after[partition] = number + 1;
    const cutting = cuts && round % 3 > 0;
    const cutOff = cutting ? proxy.cutAfter(round % 3 === 1 ? 'up' : 'down', chance.between(1, 50)) : undefined;
    if (chance.between(0, 3) > 0) await seeking.to(after, (one) => one.seek(ids[partition]?.[number] as MessageId));
    else if (chance.between(0, 1) === 0) await seeking.to(everywhere, (one) => one.seek(MessageId.earliest()));
    else await seeking.to(everywhere, (one) => one.seekTimestamp(1));
    await cutOff;
    if (cutting) cut++;
  }
  await seeking.to(everywhere, (one) => one.seek(MessageId.earliest()));
  proxy.heal();
  await seeking.untilEnd(total);
  const { received, meanwhile } = seeking;
  t.diagnostic(JSON.stringify({ seeks: rounds + 1, cut, received, meanwhile }));
  // Of partitions that stay where they are, at least.
  if (partitions > 1) assert.ok(meanwhile > 0, 'messages came while seeks were under way');
  await seeking.close();
  await client.close();
  // All of it was acknowledged at the last place, and nothing of it is owed.
  const next = await direct.subscribe({ topic, subscription: 's' });
  await publishEnd(topic, partitions);
  for (let left = partitions; left > 0; left--) assert.equal((await next.receive(20_000)).getData().toString(), 'end');
  await next.close();
}

async function publishEnd(topic: string, partitions: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const name = partitions > 1 ? `${topic}-partition-${partition}` : topic;
    const producer = await direct.createProducer({ topic: name });
    await producer.send({ data: Buffer.from('end') });
    await producer.close();
  }
}

describe('seeks while messages come', { skip, timeout: 600_000 }, () => {
  for (const partitions of [1, 3]) {
    for (const cuts of [false, true]) {
      const network = cuts ? 'that is cut meanwhile' : 'that is slow';
      test(`${partitions} partitions, over a network ${network}: nothing comes of the new place before it is said, nor of the old one after`, (t) =>
        seekAround({ t, partitions, cuts, ackReceiptEnabled: cuts }));
    }
  }
});
