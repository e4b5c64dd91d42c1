// The broker is killed under load and comes back: what becomes of the messages.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Collector, keepingNamespace, type PulsarServer, startPulsar, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../src/admin/admin.ts';
import { Client } from '../src/client.ts';
import type { Producer } from '../src/producer/producer.ts';
import type { ProducerConfig } from '../src/producer/producer-config.ts';
import { pulsarError } from './support/producers.ts';
import { readBack, type Stored } from './support/read-back.ts';

const timeout = 300_000;
const restTimeoutMs = 120_000;

let pulsar: PulsarServer;

/** Publishes numbered messages without a pause until it is told to stop; the producer's full queue slows it down. */
class Load {
  readonly acknowledged = new Collector<number>();
  readonly failures: unknown[] = [];
  readonly #producer: Producer;
  readonly #name: string;
  #sent = 0;
  #stopped = false;

  constructor(producer: Producer, name: string) {
    this.#producer = producer;
    this.#name = name;
  }

  get sent(): number {
    return this.#sent;
  }

  async run(): Promise<void> {
    const underWay = new Set<Promise<void>>();
    while (!this.#stopped) {
      while (underWay.size < 200) {
        const one: Promise<void> = this.#publish(this.#sent++).finally(() => underWay.delete(one));
        underWay.add(one);
      }
      await Promise.race(underWay);
    }
    await Promise.all(underWay);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #publish(number: number): Promise<void> {
    try {
      await this.#producer.send({ data: Buffer.from(`${this.#name}:${number}`), partitionKey: this.#name });
      this.acknowledged.add(number);
    } catch (error) {
      this.failures.push(error);
    }
  }
}

/** What a topic holds of one load: missing, repeated and misplaced messages. */
function judge(load: Load, name: string, stored: readonly Stored[]): Record<string, number> {
  const numbers = stored
    .map(({ text }) => text.split(':'))
    .filter(([of]) => of === name)
    .map(([, number]) => Number(number));
  const present = new Set(numbers);
  const lost = load.acknowledged.items.filter((number) => !present.has(number)).length;
  const misplaced = numbers.filter((number, place) => place > 0 && number < (numbers[place - 1] ?? 0)).length;
  return { acknowledged: load.acknowledged.items.length, lost, repeated: numbers.length - present.size, misplaced };
}

before(
  async () => {
    pulsar = await startPulsar({ overrides: { brokerDeduplicationEnabled: 'true' } });
  },
  { timeout },
);

after(() => pulsar.stop());

describe('producer and a broker that is killed', { timeout }, () => {
  test('loses, repeats and reorders nothing that was acknowledged, alone or in batches, plain or partitioned', async (t) => {
    const client = new Client({ serviceUrl: pulsar.serviceUrl, maxBackoffMs: 500 });
    t.after(() => client.close());
    const admin = new PulsarAdmin({ adminUrl: pulsar.adminUrl });
    const namespace = await keepingNamespace(pulsar.adminUrl);
    const [plain, partitioned] = [uniqueTopic('plain', namespace), uniqueTopic('partitioned', namespace)];
    await admin.createPartitionedTopic(partitioned, 2);
    const connections = new Collector<boolean>();
    const config = { sendTimeoutMs: restTimeoutMs, connectionListener: connections.add };
    const make = async (name: string, own: ProducerConfig): Promise<Load> =>
      new Load(await client.createProducer({ ...config, ...own }), name);
    const loads: Readonly<Record<string, Load>> = {
      single: await make('single', { topic: plain, batchingEnabled: false }),
      batched: await make('batched', { topic: plain, producerName: 'mine', batchingMaxPublishDelayMs: 0 }),
      spread: await make('spread', { topic: partitioned, batchingMaxPublishDelayMs: 1 }),
    };
    const running = Object.values(loads).map((load) => load.run());
    const each = (count: number, what: string): Promise<unknown> =>
      Promise.all(
        Object.values(loads).map(({ acknowledged }) =>
          acknowledged.waitUntil((numbers) => numbers.length >= count, what, restTimeoutMs),
        ),
      );
    await each(500, 'acknowledgements before');
    await pulsar.kill();
    await connections.waitUntil((seen) => seen.filter((connected) => !connected).length >= 4, 'four losses');
    await pulsar.restart();
    const before = Math.max(...Object.values(loads).map(({ acknowledged }) => acknowledged.items.length));
    await each(before + 500, 'acknowledgements after');
    for (const load of Object.values(loads)) load.stop();
    await Promise.all(running);

    const { single, batched, spread } = loads as { single: Load; batched: Load; spread: Load };
    assert.deepEqual(
      [single, batched, spread].flatMap(({ failures }) => failures),
      [],
    );
    const partitions = await client.getPartitionsForTopic(partitioned);
    const stored = await Promise.all([plain, ...partitions].map((topic) => readBack(client, topic)));
    for (const [name, load] of Object.entries(loads)) {
      const counts = judge(load, name, stored.flat());
      t.diagnostic(`${name}: ${JSON.stringify(counts)}`);
      assert.deepEqual(counts, { acknowledged: load.sent, lost: 0, repeated: 0, misplaced: 0 }, name);
    }
  });

  test('says of each message whether it may be there, where the broker stays away', async (t) => {
    const client = new Client({ serviceUrl: pulsar.serviceUrl });
    t.after(() => client.close());
    const connections = new Collector<boolean>();
    const producer = await client.createProducer({
      topic: uniqueTopic('away'),
      batchingEnabled: false,
      sendTimeoutMs: 1500,
      connectionListener: connections.add,
    });
    await producer.send({ data: Buffer.from('there') });
    pulsar.pause();
    const written = producer.send({ data: Buffer.from('written') });
    written.catch(() => undefined);
    await pulsar.kill();
    await connections.waitUntil((seen) => seen.at(-1) === false, 'the loss');
    const unwritten = producer.send({ data: Buffer.from('not written') });
    await assert.rejects(written, pulsarError('Timeout', true));
    await assert.rejects(unwritten, pulsarError('Timeout', false));
    await producer.close();
  });
});
