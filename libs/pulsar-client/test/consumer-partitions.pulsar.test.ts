// A topic in partitions, by one consumer: what it holds of them, and in which order.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '@pharos/testkit';
import { MessageConsumer } from '../src/consumer/message-consumer.ts';
import { Bench, textOf, texts } from './support/consuming.ts';

const timeout = 120_000;
const partitions = 4;

describe('a consumer of partitions', { timeout }, () => {
  const bounds = [
    { name: 'messages', queue: { receiverQueueSizeAcrossPartitions: 200 }, batch: 1 },
    { name: 'messages, in batches', queue: { receiverQueueSizeAcrossPartitions: 200 }, batch: 10 },
    { name: 'bytes', queue: { receiverQueueBytes: 1024 * 1024 }, batch: 1 },
    { name: 'bytes, in batches', queue: { receiverQueueBytes: 1024 * 1024 }, batch: 10 },
  ];
  const payloadBytes = 10_000;
  const each = 200;
  for (const { name, queue, batch } of bounds) {
    test(`a slow application never holds more ${name} than it allows; all come, in order`, async (t) => {
      const came = { messages: 0, bytes: 0 };
      const metrics = {
        received: (messages: number, bytes: number): void => {
          came.messages += messages;
          came.bytes += bytes;
        },
      };
      const bench = await Bench.open(t, { metrics });
      await bench.makePartitioned(partitions);
      await Promise.all(
        Array.from({ length: partitions }, async (_, partition) => {
          const topic = `${bench.topic}-partition-${partition}`;
          const producer = await bench.client.createProducer({
            topic,
            batchingEnabled: batch > 1,
            batchingMaxMessages: batch,
            batchingMaxPublishDelayMs: 1000,
          });
          const all = texts(each, `${partition}-`).map((text) => Buffer.from(text.padEnd(payloadBytes)));
          await Promise.all(all.map((data) => producer.send({ data })));
          await producer.close();
        }),
      );
      const { receiverQueueSizeAcrossPartitions = Number.POSITIVE_INFINITY, receiverQueueBytes } = queue;
      // An entry more for each partition that would otherwise have none.
      const mostMessages = receiverQueueSizeAcrossPartitions + partitions * batch;
      const mostBytes = (receiverQueueBytes ?? Number.POSITIVE_INFINITY) + partitions * batch * (payloadBytes + 200);
      const taken = { messages: 0, bytes: 0 };
      let most = 0;
      const check = (): void => {
        most = Math.max(most, came.bytes - taken.bytes);
        assert.ok(came.messages - taken.messages <= mostMessages, `${came.messages - taken.messages} messages held`);
        assert.ok(came.bytes - taken.bytes <= mostBytes, `${came.bytes - taken.bytes} bytes held`);
      };
      const consumer = await bench.subscribe(queue);
      assert.ok(consumer instanceof MessageConsumer);
      const enough = Math.min(mostMessages * payloadBytes, mostBytes) / 4;
      const next = new Map<string, number>();
      for (let count = 0; count < partitions * each; count++) {
        const message = await consumer.receive(20_000);
        const [partition, number] = textOf(message).trim().split('-') as [string, string];
        assert.equal(Number(number), next.get(partition) ?? 0, `order of partition ${partition}`);
        next.set(partition, Number(number) + 1);
        taken.messages++;
        taken.bytes += payloadBytes;
        check();
        // Where it stops taking, the queue fills as far as it may.
        if (count === 100) {
          await eventually(() => came.bytes - taken.bytes > enough || undefined, 'full queue');
          for (let trip = 0; trip < 20; trip++) await consumer.getLastMessageIds();
          check();
          const each = consumer.partitions.map(({ entries }) => entries);
          await eventually(() => each.every(({ queuedEntries }) => queuedEntries > 0) || undefined, 'share of each');
          check();
        }
      }
      assert.ok(most > enough, `${most} bytes were held at most: it fetches nothing ahead`);
    });
  }
});
