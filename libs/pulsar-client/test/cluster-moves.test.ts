// A topic that goes on in another cluster, whose message ids mean other messages.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { MessageId } from '../src/message-id.ts';
import { ackType, initialPosition, migratedResource } from '../src/wire/index.ts';
import { follow, sendEntry, startTopic, type ScriptedTopic, textsOf } from './support/entries.ts';
import type { Heard } from './support/scripted-broker.ts';

const timeout = 20_000;

async function clusters(t: TestContext): Promise<{ readonly blue: ScriptedTopic; readonly green: ScriptedTopic }> {
  return { blue: await startTopic(t), green: await startTopic(t) };
}

function migrate({ command: { consumerId }, peer }: Heard<'subscribe'>, to: ScriptedTopic): void {
  const resourceType = migratedResource.consumer;
  const brokerServiceUrl = to.broker.serviceUrl;
  peer.say({ type: 'topicMigrated', command: { resourceId: consumerId, resourceType, brokerServiceUrl } });
  peer.say({ type: 'closeConsumer', command: { consumerId, requestId: -1 } });
}

describe('a topic that goes on in another cluster', { timeout }, () => {
  test('has its readers begin with what was published there since, whatever its ids, under a name of its own', async (t) => {
    const { blue, green } = await clusters(t);
    const { entries } = await follow(blue.client, { startMessageId: MessageId.earliest() });
    const first = await blue.subscription(1);
    sendEntry(first, { entryId: 5, metadata: { publishTime: Date.now() - 600_000 } });
    await entries.waitUntil((seen) => seen.length === 1, 'first entry');
    migrate(first, green);
    const second = await green.subscription(1);
    assert.equal(second.command.startMessageId?.ledgerId, -1n);
    const rollback = second.command.startMessageRollbackDurationSec ?? 0;
    assert.ok(rollback >= 660 && rollback < 720, `${rollback} s`);
    assert.notEqual(second.command.subscription, first.command.subscription);
    sendEntry(second, { entryId: 0 });
    sendEntry(second, { entryId: 1 });
    await entries.waitUntil((seen) => seen.length === 3, 'entries of the other cluster');
    assert.deepEqual(textsOf(entries.items), ['e5', 'e0', 'e1']);
    // There it goes on by position again.
    green.broker.cutAll();
    const { startMessageId, startMessageRollbackDurationSec } = (await green.subscription(2)).command;
    assert.equal(startMessageId?.entryId, 1n);
    assert.equal(startMessageRollbackDurationSec, undefined);
  });

  test('has a reader that waits for the newest wait for the newest there', async (t) => {
    const { blue, green } = await clusters(t);
    blue.broker.on('subscribe', (heard) => migrate(heard, green));
    await follow(blue.client, { startMessageId: MessageId.latest() });
    const { command } = await green.broker.hear('subscribe');
    assert.equal(command.startMessageId?.ledgerId, MessageId.latest().ledgerId);
    assert.equal(command.startMessageRollbackDurationSec, undefined);
  });

  test('has a durable subscription that is not there yet begin with the first message, and is told of no old ids', async (t) => {
    const { blue, green } = await clusters(t);
    const consumer = await blue.client.subscribe({ topic: 'chat', subscription: 's', ackReceiptEnabled: true });
    const first = await blue.subscription(1);
    sendEntry(first, { entryId: 5 });
    // The broker's word on this one gets lost.
    const acknowledged = consumer.acknowledge(await consumer.receive());
    await blue.broker.hear('ack');
    migrate(first, green);
    const second = await green.subscription(1);
    assert.equal(second.command.initialPosition, initialPosition.earliest);
    assert.equal(second.command.subscription, 's');
    await acknowledged;
    green.broker.on('ack', ({ command: { consumerId, requestId }, peer }) =>
      peer.say({ type: 'ackResponse', command: { consumerId, requestId } }),
    );
    sendEntry(second, { entryId: 6 });
    await consumer.acknowledge(await consumer.receive());
    const { command } = await green.broker.hear('ack');
    assert.deepEqual(
      command.messageId?.map(({ entryId }) => entryId),
      [6n],
    );
  });

  test('lets go of readers once they have acknowledged what they got, which they do when nothing comes for a while', async (t) => {
    const { blue } = await clusters(t);
    await follow(blue.client, { startMessageId: MessageId.earliest() });
    const first = await blue.subscription(1);
    for (const entryId of [0, 1, 2]) sendEntry(first, { entryId });
    const { command } = await blue.broker.hear('ack');
    assert.equal(command.ackType, ackType.cumulative);
    assert.deepEqual(
      command.messageId?.map(({ entryId }) => entryId),
      [2n],
    );
  });
});
