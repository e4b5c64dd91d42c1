// Connections are cut while messages are acknowledged: what the broker confirmed never comes again, and nothing is lost.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  Collector,
  type FaultProxy,
  freePort,
  type PulsarServer,
  startProxy,
  startPulsar,
  uniqueTopic,
} from '@pharos/testkit';
import { Client } from '../src/client.ts';
import type { Consumer } from '../src/consumer/consumer.ts';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import type { Message } from '../src/consumer/message.ts';
import { textOf, texts } from './support/consuming.ts';

const timeout = 240_000;
const count = 2000;
/** Messages whose acknowledgements are lost on their way. */
const marks = ['m100', 'm700', 'm701', 'm1999'];

describe('connections that are cut while messages are acknowledged', { timeout }, () => {
  let proxy: FaultProxy;
  let pulsar: PulsarServer;
  before(async () => {
    const brokerPort = await freePort();
    proxy = await startProxy(`127.0.0.1:${brokerPort}`);
    const advertisedListeners = `internal:pulsar://${proxy.address}`;
    pulsar = await startPulsar({ brokerPort, overrides: { advertisedListeners, internalListenerName: 'internal' } });
  });
  after(async () => {
    await proxy.close();
    await pulsar.stop();
  });

  const cutNow = (): void => {
    proxy.cutAll();
    proxy.resume('up');
  };

  /** Consumes all of a topic of batches, while connections are cut; then all that is left for another consumer. */
  async function consumeThroughCuts(config: Partial<ConsumerConfig>) {
    const client = new Client({ serviceUrl: `pulsar://${proxy.address}`, initialBackoffMs: 10, maxBackoffMs: 200 });
    const topic = uniqueTopic('acks-outage');
    const base = { topic, subscription: 's', subscriptionInitialPosition: 'Earliest', ...config } as const;
    try {
      const producer = await client.createProducer({ topic, batchingMaxMessages: 7, maxPendingMessages: count });
      await Promise.all(texts(count).map((text) => producer.send({ data: Buffer.from(text) })));
      const received = new Collector<string>();
      const confirmed = new Set<string>();
      const afterConfirmation: string[] = [];
      const acks: Promise<unknown>[] = [];
      const listener = (message: Message, from: Consumer): void => {
        const text = textOf(message);
        if (confirmed.has(text)) afterConfirmation.push(text);
        received.add(text);
        const cut = marks.includes(text);
        // What is written from here on does not arrive.
        if (cut) proxy.pause('up');
        acks.push(from.acknowledge(message).then(() => confirmed.add(text)));
        if (cut) afterTheTurn(cutNow);
      };
      const consumer = await client.subscribe({ ...base, receiverQueueSize: 100, listener });
      const isAll = (items: readonly string[]): boolean => new Set(items).size === count;
      await received.waitUntil(isAll, 'everything', 60_000);
      await Promise.all(acks);
      await consumer.close();
      const end = await producer.send({ data: Buffer.from('end') });
      const next = await client.subscribe(base);
      const first = await next.receive(30_000);
      assert.equal(first.getMessageId().compare(end), 0, `${textOf(first)} came again after all was acknowledged`);
      return { afterConfirmation, twice: received.items.length - count };
    } finally {
      await client.close();
    }
  }

  for (const subscriptionType of ['Exclusive', 'Shared'] as const) {
    test(`${subscriptionType}, with receipts, single messages of batches: nothing that was confirmed comes again`, async (t) => {
      const { afterConfirmation, twice } = await consumeThroughCuts({
        subscriptionType,
        ackReceiptEnabled: true,
        batchIndexAckEnabled: true,
      });
      t.diagnostic(`${twice} messages came twice, unconfirmed`);
      assert.deepEqual(afterConfirmation, []);
    });
  }
});

/** When the acknowledgements of this turn of the event loop are written. */
function afterTheTurn(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}
