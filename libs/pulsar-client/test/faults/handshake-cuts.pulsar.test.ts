// The connection is cut after each single byte of what client and broker say to one another, in both directions.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { withDeadline } from '@pharos/lifecycle';
import { keepingNamespace, type ProxyDirection, unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import type { Client } from '../../src/client.ts';
import type { Entry } from '../../src/consumer/entry-consumer.ts';
import { MessageId } from '../../src/message-id.ts';
import { faultRounds } from '../support/chance.ts';
import { textOf } from '../support/consuming.ts';
import { follow } from '../support/entries.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { openResources, untilBackTo } from '../support/leaks.ts';
import { readBack } from '../support/read-back.ts';

/** What hangs takes for ever; what recovers takes milliseconds, or seconds where the machine is busy. */
const hangsMs = 60_000;
/** Cuts at a time, each on a way of its own. */
const ways = 4;
/** Every day each so many-th byte; a longer hunt cuts at all of them. */
const stride = faultRounds(1) > 1 ? 1 : 3;

let broker: FaultyBroker;
let direct: Client;
let namespace: string;

before(
  async () => {
    broker = await FaultyBroker.start(ways);
    direct = broker.direct();
    const { adminUrl } = broker.server;
    namespace = await keepingNamespace(adminUrl);
    await new PulsarAdmin({ adminUrl }).setDeduplication(namespace, true);
  },
  { timeout: 240_000 },
);

after(async () => {
  await direct.close();
  await broker.stop();
});

/** Something that a new client does from its first byte to its last; `number` is this run's. */
type Scenario = (client: Client, number: number) => Promise<void>;

interface Counts {
  positions: number;
  cuts: number;
}

async function runOnce(way: number, scenario: Scenario, number: number): Promise<void> {
  const client = broker.client(way, { maxBackoffMs: 20 });
  try {
    await withDeadline(scenario(client, number), hangsMs, `run ${number}`);
  } finally {
    await withDeadline(client.close(5000), hangsMs, `closing the client of run ${number}`);
  }
}

/** Runs the scenario for every place of a cut; it has to succeed each time. */
async function cutEverywhere(t: TestContext, scenario: Scenario): Promise<void> {
  const base = openResources();
  let number = 0;
  const lengths = { up: 0, down: 0 };
  // Twice: what is said for the first time may be shorter or longer than what is said ever after.
  for (let run = 0; run < 2; run++) {
    const proxy = broker.proxy(0);
    const before = { up: proxy.passedBytes('up'), down: proxy.passedBytes('down') };
    await runOnce(0, scenario, number++);
    lengths.up = proxy.passedBytes('up') - before.up;
    lengths.down = proxy.passedBytes('down') - before.down;
  }
  const places: { direction: ProxyDirection; bytes: number }[] = [];
  for (const direction of ['up', 'down'] as const) {
    for (let bytes = 1; bytes <= lengths[direction]; bytes += stride) places.push({ direction, bytes });
  }
  const counts: Counts = { positions: places.length, cuts: 0 };
  const failures: string[] = [];
  const next = places.values();
  const work = async (way: number): Promise<void> => {
    const proxy = broker.proxy(way);
    for (const { direction, bytes } of next) {
      const cut = proxy.cutAfter(direction, bytes).then(() => counts.cuts++);
      cut.catch(assert.ifError);
      try {
        await runOnce(way, scenario, number++);
      } catch (error) {
        failures.push(`cut after byte ${bytes} ${direction}: ${String(error)}`);
      }
      // A cut that didn't come is not to hit who comes next.
      proxy.disarm();
    }
  };
  await Promise.all(Array.from({ length: ways }, (_, way) => work(way)));
  const left = await untilBackTo(base);
  t.diagnostic(JSON.stringify({ ...lengths, ...counts, runs: number, failed: failures.length, base, left }));
  assert.deepEqual(failures, []);
  assert.ok(counts.cuts > counts.positions * 0.9, 'nearly all cuts fall into what is said');
}

describe('a connection that is cut at every byte', { skip: unavailable('pulsar'), timeout: 900_000 }, () => {
  test('of a producer up to its first receipts and its end: all that was acknowledged is there, once and in order', async (t) => {
    const topic = uniqueTopic('cut-producer', namespace);
    const acknowledged = new Set<string>();
    await cutEverywhere(t, async (client, number) => {
      const producer = await client.createProducer({ topic, producerName: `p${number}`, batchingEnabled: false });
      const texts = [`${number}:0`, `${number}:1`];
      await Promise.all(texts.map((text) => producer.send({ data: Buffer.from(text) })));
      for (const text of texts) acknowledged.add(text);
      await producer.close();
    });
    const stored = (await readBack(direct, topic)).map(({ text }) => text);
    const seen = new Set(stored);
    const lost = [...acknowledged].filter((text) => !seen.has(text));
    const outOfOrder = stored.filter(
      (text) => text.endsWith(':1') && stored.indexOf(text) < stored.indexOf(text.replace(':1', ':0')),
    );
    const duplicated = stored.length - seen.size;
    t.diagnostic(
      JSON.stringify({
        acknowledged: acknowledged.size,
        received: stored.length,
        lost: lost.length,
        duplicated,
        outOfOrder: outOfOrder.length,
      }),
    );
    assert.deepEqual({ lost, outOfOrder, duplicated }, { lost: [], outOfOrder: [], duplicated: 0 });
  });

  test('of an Exclusive consumer up to its first acknowledgement and its end: it gets the message, and later ones', async (t) => {
    const topic = uniqueTopic('cut-consumer', namespace);
    const producer = await direct.createProducer({ topic, batchingEnabled: false });
    for (const text of ['the first', 'the second']) await producer.send({ data: Buffer.from(text) });
    await cutEverywhere(t, async (client, number) => {
      const consumer = await client.subscribe({
        topic,
        subscription: `s${number}`,
        subscriptionInitialPosition: 'Earliest',
      });
      const message = await consumer.receive();
      assert.equal(textOf(message), 'the first');
      await consumer.acknowledge(message);
      // The first comes again where the acknowledgement was lost.
      let later = textOf(await consumer.receive());
      while (later === 'the first') later = textOf(await consumer.receive());
      assert.equal(later, 'the second');
      await consumer.unsubscribe().catch(() => undefined);
      await consumer.close();
    });
    await producer.close();
  });

  test('of a reader and a consumer of entries up to their first message and their end: they get it, once', async (t) => {
    const topic = uniqueTopic('cut-reader', namespace);
    const producer = await direct.createProducer({ topic, batchingMaxPublishDelayMs: 0 });
    const texts = ['a', 'b', 'c'];
    const ids = await Promise.all(texts.map((text) => producer.send({ data: Buffer.from(text) })));
    const entryIds = [...new Set(ids.map(({ ledgerId, entryId }) => new MessageId(ledgerId, entryId).toString()))];
    const isLast = ({ messageId }: Entry): boolean => messageId.toString() === entryIds.at(-1);
    await cutEverywhere(t, async (client, number) => {
      const reader = await client.createReader({ topic, startMessageId: MessageId.earliest() });
      const got: string[] = [];
      while (await hasMore(reader)) got.push(textOf(await reader.readNext()));
      assert.deepEqual(got, texts);
      await reader.close();
      const tail = await follow(client, { topic, subscription: `tail${number}`, startMessageId: MessageId.earliest() });
      await tail.entries.waitUntil((entries) => entries.some(isLast), 'the last entry', hangsMs);
      assert.deepEqual(
        tail.entries.items.map(({ messageId }) => messageId.toString()),
        entryIds,
      );
      await tail.consumer.close();
    });
    await producer.close();
  });
});

/** Asks until it is answered: what is asked over a connection that is lost fails, and says that it may be asked again. */
async function hasMore(reader: { hasMessageAvailable(): Promise<boolean> }): Promise<boolean> {
  for (;;) {
    try {
      return await reader.hasMessageAvailable();
    } catch (error) {
      if ((error as { readonly retryable?: boolean }).retryable !== true) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
