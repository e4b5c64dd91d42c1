// Networks that are slow, that deliver in crumbs, and that flip bits.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withDeadline } from '@pharos/lifecycle';
import { keepingNamespace, unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import type { Client } from '../../src/client.ts';
import { PulsarError } from '../../src/errors.ts';
import { Chance, faultRounds } from '../support/chance.ts';
import { NumberedLoad, Receipts } from '../support/fault-load.ts';
import { consume } from '../support/fault-receivers.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { bit, Flips } from '../support/flips.ts';
import { readBack } from '../support/read-back.ts';

const allComeWithinMs = 120_000;
/** Of the entries in these tests; the offsets below are in them. */
const payloadBytes = 1000;
/** From here on all bytes of such an entry's frame are under its checksum: size, command and broker's metadata are before. */
const checkedFrom = 100;

let broker: FaultyBroker;
let direct: Client;
let namespace: string;

before(
  async () => {
    broker = await FaultyBroker.start(2);
    direct = broker.direct();
    namespace = await keepingNamespace(broker.server.adminUrl);
    await new PulsarAdmin({ adminUrl: broker.server.adminUrl }).setDeduplication(namespace, true);
  },
  { timeout: 240_000 },
);

after(async () => {
  await direct.close();
  await broker.stop();
});

async function stored(topic: string): Promise<Receipts> {
  const receipts = new Receipts('stored');
  for (const { text, id } of await readBack(direct, topic)) receipts.add(Buffer.from(text), id);
  return receipts;
}

describe('a bad network', { skip: unavailable('pulsar'), timeout: 600_000 }, () => {
  test('that delays, and delivers in pieces of 1 to 7 bytes: all comes, once and in order', async (t) => {
    const chance = Chance.for(t);
    for (let pieces = 1; pieces <= 7; pieces++) {
      const client = broker.client(0);
      const proxy = broker.proxy(0);
      for (const direction of ['up', 'down'] as const) {
        proxy.split(direction, pieces);
        proxy.delay(direction, chance.between(0, 3));
      }
      const topic = uniqueTopic(`crumbs-${pieces}`, namespace);
      const consumer = await client.subscribe({ topic, subscription: 's' });
      const producer = await client.createProducer({ topic, batchingMaxMessages: 10, batchingMaxPublishDelayMs: 1 });
      const load = new NumberedLoad('crumbs', producer, { total: 100, keys: 3, bytes: 60 });
      const receipts = new Receipts('crumbs');
      const consuming = consume(consumer, receipts, 'individual');
      await load.run();
      await receipts.untilReceived(100, allComeWithinMs);
      proxy.heal();
      await client.close();
      await consuming;
      const counts = receipts.counts([load]);
      t.diagnostic(`pieces of ${pieces} bytes: ${JSON.stringify(counts)}`);
      const perfect = { lost: 0, duplicated: 0, redelivered: 0, afterConfirmation: 0, outOfOrder: 0, wrong: 0 };
      assert.deepEqual(counts, { acknowledged: 100, received: 100, ...perfect });
    }
  });

  for (const [what, own, perEntry] of [
    ['an entry', { batchingEnabled: false }, 1],
    ['a batch', { batchingMaxMessages: 5, batchingMaxPublishDelayMs: 5000 }, 5],
  ] as const) {
    test(`that flips a bit of ${what} on its way to the broker: it is found out, and written again`, async (t) => {
      const chance = Chance.for(t);
      const rounds = faultRounds(40);
      const topic = uniqueTopic('flips-up', namespace);
      let reattached = 0;
      const client = broker.client(0, { metrics: { reattached: () => void reattached++ } });
      const producer = await client.createProducer({ topic, ...own });
      const proxy = broker.proxy(0);
      for (let number = 0; number < rounds; number++) {
        const flipped = proxy.corrupt('up', chance.between(checkedFrom, payloadBytes), bit(chance));
        const load = new NumberedLoad(`n${number}`, producer, { total: perEntry, keys: 0, bytes: payloadBytes });
        await Promise.all([load.run(), flipped]);
        assert.deepEqual(load.failures, [], `message ${number}`);
      }
      await client.close();
      const counts = (await stored(topic)).counts([]);
      t.diagnostic(JSON.stringify({ flipped: rounds, reattached, ...counts }));
      const perfect = {
        acknowledged: 0,
        lost: 0,
        duplicated: 0,
        redelivered: 0,
        afterConfirmation: 0,
        outOfOrder: 0,
        wrong: 0,
      };
      assert.deepEqual({ reattached, ...counts }, { reattached: rounds, received: rounds * perEntry, ...perfect });
    });
  }

  test('that flips a bit of an entry on its way to a consumer: it is found out, and read again', async (t) => {
    const chance = Chance.for(t);
    const rounds = faultRounds(40);
    const topic = uniqueTopic('flips-down', namespace);
    let damaged = 0;
    const client = broker.client(0, { metrics: { damaged: () => void damaged++ } });
    const receipts = new Receipts('consumer');
    const consumer = await client.subscribe({ topic, subscription: 's' });
    const consuming = consume(consumer, receipts, 'individual');
    const producer = await direct.createProducer({ topic, batchingEnabled: false });
    const loads: NumberedLoad[] = [];
    const proxy = broker.proxy(0);
    for (let number = 0; number < rounds; number++) {
      const flipped = proxy.corrupt('down', chance.between(checkedFrom, payloadBytes), bit(chance));
      const load = new NumberedLoad(`n${number}`, producer, { total: 1, keys: 0, bytes: payloadBytes });
      loads.push(load);
      await Promise.all([load.run(), flipped]);
      await receipts.untilReceived(number + 1, allComeWithinMs);
    }
    await Promise.all([client.close(), producer.close()]);
    await consuming;
    const counts = receipts.counts(loads);
    t.diagnostic(JSON.stringify({ flipped: rounds, damaged, ...counts }));
    assert.equal(damaged, rounds);
    // An acknowledgement may be under way when the connection lets go of the consumer.
    const { redelivered } = counts;
    const perfect = { lost: 0, duplicated: 0, afterConfirmation: 0, outOfOrder: 0, wrong: 0 };
    assert.deepEqual(counts, { acknowledged: rounds, received: rounds, redelivered, ...perfect });
  });

  test('that flips any bit under load: never a wrong message, never a hang', async (t) => {
    const chance = Chance.for(t);
    const total = faultRounds(2000);
    const topic = uniqueTopic('flips', namespace);
    const [publisher, receiver] = [0, 1].map((way) =>
      // A frame whose size is flipped swallows what follows: only silence tells.
      broker.client(way, { keepAliveIntervalMs: 1000, operationTimeoutSeconds: 20 }),
    ) as [Client, Client];
    const flips = new Flips(broker.proxies, chance);
    const receipts = new Receipts('consumer');
    const receiving = new Receiving(receiver, topic, receipts);
    const consuming = receiving.run();
    const loads = await flips.loads(publisher, { topic, sendTimeoutMs: 20_000 }, total);
    await withDeadline(
      Promise.all(loads.map((load) => load.run())),
      allComeWithinMs,
      'all to be acknowledged or failed',
    );
    flips.stop();
    const counts = (await stored(topic)).counts(loads);
    t.diagnostic(JSON.stringify({ flips: flips.count, failures: codesOf(loads), stored: counts }));
    // Commands have no checksum: one that was changed on its way may leave a consumer waiting until the connection is
    // made anew.
    broker.proxy(1).cutAll();
    // Those that it has already passed by, because their commands named other places, don't come.
    const last = await direct.createProducer({ topic, batchingEnabled: false });
    const after = new NumberedLoad('after', last, { total: 1, keys: 0 });
    await after.run();
    await receipts.untilText('after::0', allComeWithinMs);
    t.diagnostic(JSON.stringify({ subscribed: receiving.times, consumer: receipts.counts([...loads, after]) }));
    assert.ok(flips.count >= 10, `${flips.count} bits flipped`);
    assert.equal(counts.wrong, 0, 'stored');
    assert.equal(receipts.counts(loads).wrong, 0, 'received');
    // The publisher is well too.
    await (await publisher.createProducer({ topic })).send({ data: Buffer.from('end') });
    receiving.stop();
    await Promise.all([publisher.close(1000), receiver.close(1000)]);
    await consuming;
  });
});

/** A consumer that is made again where a flipped bit ended it: in its topic's name, say, which the broker then doesn't know. */
class Receiving {
  readonly #client: Client;
  readonly #topic: string;
  readonly #receipts: Receipts;
  #stopped = false;
  times = 0;

  constructor(client: Client, topic: string, receipts: Receipts) {
    this.#client = client;
    this.#topic = topic;
    this.#receipts = receipts;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.times++;
        const subscriptionInitialPosition = 'Earliest';
        const config = { topic: this.#topic, subscription: 's', subscriptionInitialPosition } as const;
        await consume(await this.#client.subscribe(config), this.#receipts, 'individual');
      } catch (error) {
        assert.ok(error instanceof PulsarError, String(error));
        if (error.code === 'AlreadyClosed') return;
      }
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

function codesOf(loads: readonly NumberedLoad[]): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const failure of loads.flatMap((load) => load.failures)) {
    assert.ok(failure instanceof PulsarError, String(failure));
    const name = `${failure.code}${failure.outcomeUnknown ? ' (outcome unknown)' : ''}`;
    codes[name] = (codes[name] ?? 0) + 1;
  }
  return codes;
}
