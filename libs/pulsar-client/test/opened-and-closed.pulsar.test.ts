// Ten thousand producers, consumers and readers, one after the other on one client: nothing of them stays.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '@pharos/testkit';
import { MessageId } from '../src/message-id.ts';
import { Bench } from './support/consuming.ts';

const timeout = 240_000;
const count = 10_000;
const atOnce = 50;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What stays of one that was closed may be a tenth of what a producer or consumer weighs. */
const mostBytesEach = 400;

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** How many of each kind keep the process running: sockets, timers, … */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe('producers, consumers and readers that are opened and closed', { timeout }, () => {
  test(`${count} of them leave heap, sockets and timers as they were`, async (t) => {
    const bench = await Bench.open(t, { operationTimeoutSeconds: 120 });
    const { client } = bench;
    await bench.publish('m');
    const topics = Array.from({ length: 4 }, (_, index) => `${bench.topic}-${index}`);
    const kinds: readonly ((topic: string) => Promise<{ close(): Promise<null> }>)[] = [
      (topic) => client.createProducer({ topic }),
      (topic) => client.subscribe({ topic, subscription: 's', subscriptionType: 'Shared' }),
      (topic) => client.createReader({ topic, startMessageId: MessageId.latest() }),
      (topic) => client.subscribeEntries({ topic, subscription: `e${Math.random()}` }),
    ];
    let opened = 0;
    const openAndClose = async (number: number): Promise<void> => {
      const worker = async (): Promise<void> => {
        while (opened < number) {
          const kind = kinds[opened % kinds.length] as (typeof kinds)[number];
          const topic = topics[Math.floor(opened++ / kinds.length) % topics.length] as string;
          const one = await kind(topic);
          await one.close();
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    };
    // What is made once is made by then.
    await openAndClose(count / 10);
    const [bytes, before] = [heapBytes(), resources()];
    await openAndClose(count);
    await eventually(() => (resources()['Timeout'] ?? 0) <= (before['Timeout'] ?? 0) || undefined, 'end of the timers');
    const grown = heapBytes() - bytes;
    const after = resources();
    assert.ok(grown < count * mostBytesEach, `the heap has grown by ${grown} bytes`);
    assert.ok((after['TCPSocketWrap'] ?? 0) <= (before['TCPSocketWrap'] ?? 0), JSON.stringify({ before, after }));
    t.diagnostic(`heap: ${grown} bytes more; ${JSON.stringify(after)}`);
  });
});
