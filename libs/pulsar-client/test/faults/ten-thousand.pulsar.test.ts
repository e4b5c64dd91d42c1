// Producers, consumers and readers come and go by the thousand: nothing of them stays.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sharedPulsar, unavailable, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import { MessageId } from '../../src/message-id.ts';
import { openResources, untilBackTo } from '../support/leaks.ts';

const total = 10_000;
/** Opened at a time; how large the heap is, is measured each time that so many have come and gone. */
const atATime = 50;
const measured = 2000;
/** Of 8,000: a tenth of what a producer or consumer weighs, each. Noise is smaller. */
const maxGrowthBytes = 3_200_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('ten thousand producers and consumers', { skip: unavailable('pulsar'), timeout: 900_000 }, () => {
  test('that are opened and closed leave neither memory nor sockets nor timers', async (t) => {
    const { serviceUrl, adminUrl } = await sharedPulsar();
    const topics = Array.from({ length: 10 }, (_, index) => uniqueTopic(`coming-and-going-${index}`));
    const partitioned = uniqueTopic('coming-and-going');
    await new PulsarAdmin({ adminUrl }).createPartitionedTopic(partitioned, 2);
    const base = openResources();
    const client = new Client({ serviceUrl });
    t.after(() => client.close());
    const openers = [
      (topic: string) => client.createProducer({ topic }),
      (topic: string) => client.subscribe({ topic, subscription: 's', subscriptionType: 'Shared' }),
      (topic: string) => client.createReader({ topic, startMessageId: MessageId.latest() }),
      (topic: string) => client.subscribeEntries({ topic, subscription: `entries-${Math.random()}` }),
      () => client.createProducer({ topic: partitioned, batchingEnabled: false }),
      () => client.subscribe({ topic: partitioned, subscription: 's', subscriptionType: 'Shared' }),
    ];
    const comeAndGo = async (number: number): Promise<void> => {
      const opener = openers[number % openers.length] as (typeof openers)[number];
      const one = await opener(topics[number % topics.length] as string);
      await one.close();
    };
    const heaps: number[] = [];
    const sockets: number[] = [];
    for (let opened = atATime; opened <= total; opened += atATime) {
      await Promise.all(Array.from({ length: atATime }, (_, index) => comeAndGo(opened + index)));
      if (opened % measured > 0) continue;
      heaps.push(heapBytes());
      sockets.push(openResources().sockets - base.sockets);
    }
    t.diagnostic(JSON.stringify({ total, heapKiB: heaps.map((bytes) => Math.round(bytes / 1024)), sockets }));
    const [first = 0] = heaps;
    const growth = (heaps.at(-1) ?? 0) - first;
    assert.ok(growth < maxGrowthBytes, `the heap grew by ${growth} bytes`);
    // Its own one; those of the calls to the admin API, which were open before, end meanwhile.
    assert.ok(
      sockets.every((open) => open <= 1),
      String(sockets),
    );
    await client.close();
    await untilBackTo(base);
  });
});
