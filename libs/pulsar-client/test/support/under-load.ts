// A topic under load while something happens to its brokers: what became of the messages.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Client } from '../../src/client.ts';
import { MessageId } from '../../src/message-id.ts';
import { follow } from './entries.ts';
import { NumberedLoad, Receipts } from './fault-load.ts';
import { consume } from './fault-receivers.ts';

const allComeWithinMs = 120_000;

/** Two producers and three that receive. */
export const attachedUnderLoad = 5;

export interface UnderLoadOptions {
  readonly topic: string;
  /** Messages of each of the two producers, at least: they publish until the last disturbance is over. */
  readonly total: number;
  /** Acknowledged messages from the end of one disturbance to the next. */
  readonly every: number;
  readonly disturbances: number;
  readonly disturb: () => Promise<void>;
  /** All {@link attachedUnderLoad} are attached for the first time. */
  readonly started?: () => void | Promise<void>;
}

/**
 * Publishes single messages and batches, and has them received by a durable consumer, a reader and an entry consumer. Nothing may be
 * lost, stored twice or misplaced, and who resumes by position gets nothing twice.
 */
export async function underLoad(t: TestContext, client: Client, options: UnderLoadOptions): Promise<void> {
  const { topic, total, every, disturb, started } = options;
  const disturbances: Promise<void>[] = [];
  let left = every;
  let over = 0;
  const onAcknowledged = (): void => {
    if (--left > 0 || disturbances.length >= options.disturbances) return;
    // What is acknowledged during a disturbance does not count.
    left = Number.POSITIVE_INFINITY;
    const end = (): void => {
      left = every;
      over++;
    };
    disturbances.push(disturb().finally(end));
  };
  const goesOn = (): boolean => over < options.disturbances;
  const consumer = await client.subscribe({ topic, subscription: 's' });
  const [acknowledging, positioned] = [new Receipts('consumer'), new Receipts('reader')];
  const consuming = consume(consumer, acknowledging, 'cumulative');
  const startMessageId = MessageId.earliest();
  const listener = (message: { getData(): Buffer; getMessageId(): MessageId }): void =>
    positioned.add(message.getData(), message.getMessageId());
  const reader = await client.createReader({ topic, startMessageId, listener });
  const tail = await follow(client, { topic, subscription: 'entries', startMessageId });
  const loads = await Promise.all(
    [{ batchingEnabled: false }, { batchingMaxPublishDelayMs: 1, batchingMaxMessages: 50 }].map(async (own, index) => {
      const producer = await client.createProducer({ topic, sendTimeoutMs: 0, ...own });
      return { producer, load: new NumberedLoad(`load${index}`, producer, { total, keys: 0, onAcknowledged, goesOn }) };
    }),
  );
  await started?.();
  await Promise.all(loads.map(({ load }) => load.run()));
  await Promise.all(disturbances);
  const acknowledged = loads.reduce((sum, { load }) => sum + load.acknowledged.size, 0);
  for (const receipts of [acknowledging, positioned]) await receipts.untilReceived(acknowledged, allComeWithinMs);
  await Promise.all(
    [consumer, reader, tail.consumer, ...loads.map(({ producer }) => producer)].map((one) => one.close()),
  );
  await consuming;
  const none = { lost: 0, duplicated: 0, afterConfirmation: 0, outOfOrder: 0, wrong: 0 };
  const perfect = { acknowledged, received: acknowledged, ...none };
  for (const receipts of [acknowledging, positioned]) {
    const counts = receipts.counts(loads.map(({ load }) => load));
    t.diagnostic(`${receipts.name}: ${JSON.stringify({ disturbances: disturbances.length, ...counts })}`);
    const redelivered = receipts === positioned ? 0 : counts.redelivered;
    assert.deepEqual(counts, { ...perfect, redelivered }, receipts.name);
  }
  const ids = tail.entries.items.map(({ messageId }) => messageId.toString());
  assert.equal(new Set(ids).size, ids.length, 'no entry comes twice');
  assert.deepEqual(
    loads.flatMap(({ load }) => load.failures),
    [],
  );
}
