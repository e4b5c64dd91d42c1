import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type FaultProxy,
  freePort,
  type PulsarServer,
  startProxy,
  startPulsar,
  unavailable,
  uniqueTopic,
} from '@pharos/testkit';
import { Client } from '../src/client.ts';
import type { Entry } from '../src/consumer/entry-consumer.ts';
import { MessageId } from '../src/message-id.ts';
import { BatchCursor } from '../src/wire/index.ts';
import { follow } from './support/entries.ts';

const patienceMs = 90_000;

interface Counts {
  readonly acknowledged: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
}

function numbersOf(entry: Entry, cursor: BatchCursor): number[] {
  if (!entry.batch) return [Number(entry.payload.toString())];
  const numbers: number[] = [];
  cursor.reset(entry.payload, entry.count);
  while (cursor.next()) numbers.push(Number(cursor.buffer.toString('latin1', cursor.dataStart, cursor.dataEnd)));
  return numbers;
}

function count(acknowledged: ReadonlySet<number>, received: readonly number[]): Counts {
  const seen = new Set(received);
  return {
    acknowledged: acknowledged.size,
    received: received.length,
    lost: [...acknowledged].filter((number) => !seen.has(number)).length,
    duplicated: received.length - seen.size,
    outOfOrder: received.filter((number, index) => index > 0 && number < (received[index - 1] as number)).length,
  };
}

/** Publishes numbers, so many at a time, follows them, and has something happen when a third and two thirds are acknowledged. */
async function publishThrough(
  serviceUrl: string,
  adminUrl: string,
  total: number,
  mishap: (number: number) => Promise<void>,
): Promise<Counts> {
  const client = new Client({ serviceUrl, initialBackoffMs: 20, maxBackoffMs: 500 });
  const namespace = 'public/default';
  const answer = await fetch(`${adminUrl}/admin/v2/namespaces/${namespace}/deduplication`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: 'true',
  });
  assert.ok(answer.ok, `deduplication: ${answer.status}`);
  const topic = uniqueTopic('outage', namespace);
  try {
    const { entries } = await follow(client, { topic, startMessageId: MessageId.earliest() });
    const producer = await client.createProducer({ topic, batchingMaxPublishDelayMs: 1, sendTimeoutMs: 0 });
    const acknowledged = new Set<number>();
    const mishaps: Promise<void>[] = [];
    let next = 0;
    const publish = async (): Promise<void> => {
      while (next < total) {
        const number = next++;
        await producer.send({ data: Buffer.from(String(number)) });
        acknowledged.add(number);
        if (acknowledged.size >= ((mishaps.length + 1) * total) / 3 && mishaps.length < 2) {
          mishaps.push(mishap(mishaps.length));
        }
      }
    };
    await Promise.all(Array.from({ length: 100 }, publish));
    await Promise.all(mishaps);
    const cursor = new BatchCursor();
    let received = 0;
    let looked = 0;
    const arrived = (items: readonly Entry[]): boolean => {
      for (; looked < items.length; looked++) received += (items[looked] as Entry).count;
      return received >= total;
    };
    await entries.waitUntil(arrived, `${total} messages`, patienceMs);
    return count(
      acknowledged,
      entries.items.flatMap((entry) => numbersOf(entry, cursor)),
    );
  } finally {
    await client.close();
  }
}

const total = 30_000;
const perfect: Counts = { acknowledged: total, received: total, lost: 0, duplicated: 0, outOfOrder: 0 };

describe('outages under load, the broker deduplicating', { skip: unavailable('pulsar') }, () => {
  test('the broker is killed and restarted twice', async (t) => {
    const server: PulsarServer = await startPulsar();
    t.after(() => server.stop());
    const counts = await publishThrough(server.serviceUrl, server.adminUrl, total, async () => {
      await server.kill();
      await server.restart();
    });
    t.diagnostic(JSON.stringify(counts));
    assert.deepEqual(counts, perfect);
  });

  test('every connection is cut, twice', async (t) => {
    const brokerPort = await freePort();
    const proxy: FaultProxy = await startProxy(`127.0.0.1:${brokerPort}`);
    const server = await startPulsar({
      brokerPort,
      overrides: { advertisedListeners: `internal:pulsar://${proxy.address}`, internalListenerName: 'internal' },
    });
    t.after(async () => {
      await proxy.close();
      await server.stop();
    });
    const counts = await publishThrough(`pulsar://${proxy.address}`, server.adminUrl, total, async () => {
      proxy.cutAll();
    });
    t.diagnostic(JSON.stringify(counts));
    assert.deepEqual(counts, perfect);
    assert.ok(proxy.totalConnections >= 3, `${proxy.totalConnections} connections`);
  });
});
