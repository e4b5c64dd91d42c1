// A broker that takes its time to deliver: what a reader says before anything has arrived.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageId } from '../src/message-id.ts';
import type { Reader } from '../src/reader/reader.ts';
import { textOf } from './support/consuming.ts';
import { type ScriptedTopic, sendEntry, startTopic } from './support/entries.ts';
import { pulsarError } from './support/producers.ts';

const timeout = 20_000;

const read = (topic: ScriptedTopic, startMessageId: MessageId, startMessageIdInclusive = false): Promise<Reader> =>
  topic.client.createReader({ topic: 'chat', startMessageId, startMessageIdInclusive });

/** A topic with entries 0 to 4, published at 1000 to 1004, of which the broker has delivered none. */
async function topicOfFive(t: Parameters<typeof startTopic>[0]): Promise<ScriptedTopic> {
  const topic = await startTopic(t);
  topic.newest = 4;
  topic.broker.on('seek', ({ command: { requestId }, peer }) => peer.say({ type: 'success', command: { requestId } }));
  return topic;
}

describe('a reader, before anything has arrived', { timeout }, () => {
  for (const newest of [-1, 4]) {
    test(`from the latest (${newest}): what was published since is available`, async (t) => {
      const topic = await startTopic(t);
      topic.newest = newest;
      const reader = await read(topic, MessageId.latest());
      assert.equal(reader.hasNext(), false);
      assert.equal(await reader.hasMessageAvailable(), false);
      topic.newest++;
      assert.equal(await reader.hasMessageAvailable(), true);
      assert.equal(reader.hasNext(), true);
    });

    test(`sent to the latest (${newest}): what was published since is available`, async (t) => {
      const topic = await startTopic(t);
      topic.newest = newest;
      const reader = await read(topic, MessageId.earliest());
      assert.equal(reader.hasNext(), newest >= 0);
      await reader.seek(MessageId.latest());
      assert.equal(reader.hasNext(), false);
      assert.equal(await reader.hasMessageAvailable(), false);
      topic.newest++;
      assert.equal(await reader.hasMessageAvailable(), true);
    });
  }

  test('from the latest, inclusive: the last one is available', async (t) => {
    const topic = await topicOfFive(t);
    const reader = await read(topic, MessageId.latest(), true);
    assert.equal(reader.hasNext(), true);
  });

  const times: readonly { readonly timestamp: number; readonly expected: string[] }[] = [
    { timestamp: 1002, expected: ['e2', 'e3', 'e4'] },
    { timestamp: 1004, expected: ['e4'] },
    { timestamp: 1005, expected: [] },
  ];
  for (const { timestamp, expected } of times) {
    test(`sent to time ${timestamp}, where the broker begins before it: reads ${expected.length} to the end`, async (t) => {
      const topic = await topicOfFive(t);
      const reader = await read(topic, MessageId.latest());
      const sought = reader.seekTimestamp(timestamp);
      const to = await topic.subscription(2);
      const got: string[] = [];
      const reading = (async (): Promise<void> => {
        await sought;
        assert.equal(reader.hasNext(), expected.length > 0);
        while (await reader.hasMessageAvailable()) got.push(textOf(await reader.readNext()));
      })();
      for (const entryId of [0, 1, 2, 3, 4]) {
        sendEntry(to, { entryId });
        await new Promise((resolve) => setImmediate(resolve));
      }
      await reading;
      assert.deepEqual(got, expected);
    });
  }

  test('sent to a time, where the broker says that it begins behind the last one: there is nothing to wait for', async (t) => {
    const topic = await topicOfFive(t);
    const lastMessageId = { ledgerId: 7n, entryId: 4n };
    topic.broker.on('getLastMessageId', ({ command: { requestId }, peer }) => {
      const command = { requestId, lastMessageId, consumerMarkDeletePosition: lastMessageId };
      peer.say({ type: 'getLastMessageIdResponse', command });
    });
    const reader = await read(topic, MessageId.earliest());
    assert.equal(reader.hasNext(), true);
    await reader.seekTimestamp(2000);
    assert.equal(await reader.hasMessageAvailable(), false);
  });

  test('sent to a time, where the broker lets go of it before it answers: what was queued is not read any more', async (t) => {
    const topic = await topicOfFive(t);
    topic.broker.on('seek', ({ command: { consumerId, requestId }, peer }) => {
      peer.say({ type: 'closeConsumer', command: { consumerId, requestId: 99 } });
      peer.say({ type: 'success', command: { requestId } });
    });
    const reader = await read(topic, MessageId.earliest());
    const from = await topic.subscription(1);
    for (const entryId of [0, 1, 2]) sendEntry(from, { entryId });
    assert.equal(textOf(await reader.readNext()), 'e0');
    // It may have begun to go back to the old place by then, and begins anew.
    const delivered = new Set([from.command.consumerId]);
    topic.broker.on('flow', ({ command: { consumerId } }) => {
      const to = topic.broker.heard('subscribe').find(({ command }) => command.consumerId === consumerId);
      if (to === undefined || delivered.has(consumerId)) return;
      delivered.add(consumerId);
      for (const entryId of [0, 1, 2, 3, 4]) sendEntry(to, { entryId });
    });
    await reader.seekTimestamp(1003);
    assert.deepEqual([textOf(await reader.readNext()), textOf(await reader.readNext())], ['e3', 'e4']);
  });

  test('closed while it waits for what was sought: it says so', async (t) => {
    const topic = await topicOfFive(t);
    const reader = await read(topic, MessageId.earliest());
    const sought = reader.seekTimestamp(1002);
    sendEntry(await topic.subscription(2), { entryId: 0 });
    const waiting = assert.rejects(reader.hasMessageAvailable(), pulsarError('AlreadyClosed'));
    await topic.broker.hear('getLastMessageId', 3);
    await reader.close();
    await waiting;
    await sought;
  });
});
