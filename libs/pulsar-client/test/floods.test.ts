// A consumer that is sent more than it has room for, while somebody waits for what lies behind it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendEntry, startTopic } from './support/entries.ts';

test('whoever waits for the word of a broker that is not read is not left to wait: the connection is made anew', async (t) => {
  const topic = await startTopic(t, { operationTimeoutSeconds: 600, keepAliveIntervalMs: 100 });
  topic.broker.on('ack', ({ command: { consumerId, requestId }, peer }) =>
    peer.say({ type: 'ackResponse', command: { consumerId, requestId } }),
  );
  const config = { receiverQueueBytes: 1024, ackReceiptEnabled: true };
  const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's', ...config });
  const payload = Buffer.alloc(1024 * 1024);
  const first = await topic.subscription(1);
  for (let entryId = 0; entryId < 40; entryId++) sendEntry(first, { entryId, payload });
  // It takes no further message until it knows that the one before is acknowledged.
  await consumer.acknowledge(await consumer.receive());
  sendEntry(await topic.subscription(2), { entryId: 1, payload });
  await consumer.acknowledge(await consumer.receive());
  const acknowledged = topic.broker.heard('ack').flatMap(({ command }) => command.messageId ?? []);
  assert.deepEqual([...new Set(acknowledged.map(({ entryId }) => entryId))], [0n, 1n]);
});
