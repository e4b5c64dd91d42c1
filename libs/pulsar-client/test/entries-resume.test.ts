import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '@pharos/testkit';
import { MessageId } from '../src/message-id.ts';
import { serverError } from '../src/wire/index.ts';
import { follow, sendEntry, startTopic, textsOf } from './support/entries.ts';
import { pulsarError } from './support/producers.ts';

const earliest = { startMessageId: MessageId.earliest() };

describe('a subscription that is not durable', () => {
  test('goes on after the last entry that came, and takes none twice', async (t) => {
    const topic = await startTopic(t);
    const { entries, events } = await follow(topic.client, earliest);
    const first = await topic.subscription(1);
    for (const entryId of [0, 1]) sendEntry(first, { entryId });
    await entries.waitForCount(2);
    first.peer.cut();
    const second = await topic.subscription(2);
    assert.deepEqual([second.command.startMessageId?.ledgerId, second.command.startMessageId?.entryId], [7n, 1n]);
    assert.ok((second.command.startMessageId?.batchIndex ?? -1) < 0, 'after it, not with it');
    for (const entryId of [0, 1, 2]) sendEntry(second, { entryId });
    await entries.waitForCount(3);
    assert.deepEqual(textsOf(entries.items), ['e0', 'e1', 'e2']);
    assert.equal(entries.items[2]?.session, 2);
    assert.deepEqual(
      events.items.map((event) => (event.type === 'connected' ? `connected ${event.session}` : event.type)),
      ['connected 1', 'disconnected', 'connected 2'],
    );
  });

  test('keeps what has come and was not taken', async (t) => {
    const topic = await startTopic(t);
    const { consumer, events } = await follow(topic.client, { ...earliest, onReadable: () => undefined });
    const first = await topic.subscription(1);
    sendEntry(first, { entryId: 0 });
    first.peer.say({ type: 'ping', command: {} });
    await topic.broker.hear('pong');
    first.peer.cut();
    await events.waitFor((event) => event.type === 'connected' && event.session === 2, 'second session');
    assert.equal(consumer.tryReceive()?.payload.toString(), 'e0');
  });

  test('from the latest on has a position before anything has come', async (t) => {
    const topic = await startTopic(t);
    topic.newest = 4;
    const { entries } = await follow(topic.client);
    const first = await topic.subscription(1);
    first.peer.cut();
    const second = await topic.subscription(2);
    assert.equal(second.command.startMessageId?.entryId, 4n);
    sendEntry(second, { entryId: 5 });
    assert.deepEqual(textsOf(await entries.waitForCount(1)), ['e5']);
  });

  test('from the latest on of an empty topic begins with whatever comes', async (t) => {
    const topic = await startTopic(t);
    await follow(topic.client);
    (await topic.subscription(1)).peer.cut();
    const second = await topic.subscription(2);
    assert.deepEqual(second.command.startMessageId?.ledgerId, -1n);
  });

  test('with the latest itself subscribes again to where that is', async (t) => {
    const topic = await startTopic(t);
    topic.newest = 4;
    const { entries } = await follow(topic.client, { startMessageIdInclusive: true });
    const second = await topic.subscription(2);
    assert.deepEqual([second.command.startMessageId?.entryId, second.command.startMessageId?.batchIndex], [4n, 0]);
    sendEntry(second, { entryId: 4 });
    assert.deepEqual(textsOf(await entries.waitForCount(1)), ['e4']);
  });

  test('begins with its start entry or after it, whatever the broker begins with', async (t) => {
    const start = { startMessageId: { ledgerId: 7n, entryId: 1n } };
    for (const [startMessageIdInclusive, expected] of [
      [true, ['e1', 'e2']],
      [false, ['e2']],
    ] as const) {
      const topic = await startTopic(t);
      const { entries } = await follow(topic.client, { ...start, startMessageIdInclusive });
      const subscription = await topic.subscription(1);
      for (const entryId of [0, 1, 2]) sendEntry(subscription, { entryId });
      await entries.waitForCount(expected.length);
      assert.deepEqual(textsOf(entries.items), expected);
    }
  });
});

describe('a consumer of entries', () => {
  test('that the broker closes attaches anew, on the same connection', async (t) => {
    const topic = await startTopic(t);
    const { entries } = await follow(topic.client, earliest);
    const { command, peer } = await topic.subscription(1);
    peer.say({ type: 'closeConsumer', command: { consumerId: command.consumerId, requestId: -1 } });
    const second = await topic.subscription(2);
    assert.equal(topic.broker.heard('connect').length, 1);
    sendEntry(second, { entryId: 0 });
    assert.deepEqual(textsOf(await entries.waitForCount(1)), ['e0']);
  });

  test('is over where the broker will not have it again', async (t) => {
    const topic = await startTopic(t);
    const { consumer, events } = await follow(topic.client, earliest);
    topic.broker.on('subscribe', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'error', command: { requestId, error: serverError.TopicNotFound, message: 'gone' } }),
    );
    (await topic.subscription(1)).peer.cut();
    const closed = await events.waitFor((event) => event.type === 'closed', 'closed');
    assert.ok(closed.type === 'closed' && pulsarError('TopicNotFound')(closed.error));
    assert.equal(consumer.isConnected(), false);
    await assert.rejects(consumer.getLastMessageId(), pulsarError('AlreadyClosed'));
  });

  test('waits for a zombie of its own to be missed', async (t) => {
    const topic = await startTopic(t);
    await follow(topic.client, earliest);
    topic.broker.on('subscribe', (heard) => {
      const { requestId } = heard.command;
      if (topic.broker.heard('subscribe').length > 3) return topic.welcome(heard);
      return heard.peer.say({
        type: 'error',
        command: { requestId, error: serverError.ConsumerBusy, message: 'busy' },
      });
    });
    (await topic.subscription(1)).peer.cut();
    await topic.subscription(5);
  });

  test('tells that the topic was terminated, and who is active', async (t) => {
    const topic = await startTopic(t);
    const { events } = await follow(topic.client, { ...earliest, subscriptionType: 'Failover' });
    const { command, peer } = await topic.subscription(1);
    const { consumerId } = command;
    peer.say({ type: 'activeConsumerChange', command: { consumerId, isActive: true } });
    peer.say({ type: 'reachedEndOfTopic', command: { consumerId } });
    await events.waitForCount(3);
    assert.deepEqual(events.items.slice(1), [{ type: 'active', active: true }, { type: 'terminated' }]);
  });

  test('that is closed says so once, and drops what is queued', async (t) => {
    const topic = await startTopic(t);
    const { consumer, events } = await follow(topic.client, { ...earliest, onReadable: () => undefined });
    const subscription = await topic.subscription(1);
    sendEntry(subscription, { entryId: 0 });
    subscription.peer.say({ type: 'ping', command: {} });
    await topic.broker.hear('pong');
    await Promise.all([consumer.close(), consumer.close()]);
    assert.equal(consumer.tryReceive(), undefined);
    assert.deepEqual(events.items.at(-1), { type: 'closed' });
    assert.equal(events.items.filter(({ type }) => type === 'closed').length, 1);
    assert.equal(topic.broker.heard('closeConsumer').length, 1);
  });

  test('keeps acknowledgements while there is no connection, and sends them before it asks for more', async (t) => {
    const topic = await startTopic(t);
    const { consumer, entries, events } = await follow(topic.client, { durable: true });
    const first = await topic.subscription(1);
    sendEntry(first, { entryId: 0 });
    const [entry] = await entries.waitForCount(1);
    await topic.broker.goAway();
    await events.waitFor((event) => event.type === 'disconnected', 'loss');
    const acknowledged = consumer.acknowledgeEntry(entry as NonNullable<typeof entry>);
    const order: string[] = [];
    topic.broker.on('ack', () => order.push('ack'));
    topic.broker.on('flow', () => order.push('flow'));
    await topic.broker.listen();
    await acknowledged;
    await topic.subscription(2);
    await topic.broker.hear('ack');
    assert.deepEqual(order.slice(0, 2), ['ack', 'flow']);
    assert.equal(topic.broker.heard('ack')[0]?.command.messageId?.[0]?.entryId, 0n);
  });
});

describe('a subscription that is set to another place', () => {
  test('gets nothing from there, and acknowledges nothing there, before the broker has said that it is', async (t) => {
    const topic = await startTopic(t);
    const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's', ackReceiptEnabled: true });
    const first = await topic.subscription(1);
    for (const entryId of [4, 5]) sendEntry(first, { entryId });
    const owed = consumer.acknowledge(await consumer.receive());
    await topic.broker.hear('ack');
    const seeking = consumer.seek(MessageId.earliest());
    const { command, peer } = await topic.broker.hear('seek');
    const meanwhile = consumer.acknowledge(await consumer.receive());
    // The broker lets go of consumers before it answers.
    peer.say({ type: 'closeConsumer', command: { consumerId: command.consumerId, requestId: 0 } });
    const { peer: next } = await topic.broker.hear('subscribe', 2);
    next.say({ type: 'ping', command: {} });
    await topic.broker.hear('pong');
    const { consumerId } = (await topic.broker.hear('subscribe', 2)).command;
    assert.deepEqual(
      topic.broker.heard('flow').filter((flow) => flow.command.consumerId === consumerId),
      [],
    );
    // It is asked once more.
    topic.broker.on('seek', ({ command: { requestId } }) => next.say({ type: 'success', command: { requestId } }));
    peer.say({ type: 'success', command: { requestId: command.requestId } });
    await Promise.all([seeking, owed, meanwhile]);
    sendEntry(await topic.subscription(3), { entryId: 0 });
    assert.equal((await consumer.receive()).getMessageId().entryId, 0n);
    assert.equal(
      topic.broker.heard('ack').length,
      1,
      'what is acknowledged of the old place does not count at the new one',
    );
  });

  test('goes there, though the broker was writing an acknowledgement down, dropped the seek and said yes', async (t) => {
    const topic = await startTopic(t);
    let place = 4;
    let acks = 0;
    topic.broker.on('seek', ({ command: { consumerId, requestId, messageId }, peer }) => {
      const dropped = topic.broker.heard('ack').length > acks;
      acks = topic.broker.heard('ack').length;
      if (!dropped) place = Number(messageId?.entryId);
      peer.say({ type: 'closeConsumer', command: { consumerId, requestId: 0 } });
      peer.say({ type: 'success', command: { requestId } });
    });
    const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's', startMessageIdInclusive: true });
    sendEntry(await topic.subscription(1), { entryId: place });
    const message = await consumer.receive();
    await consumer.acknowledge(message);
    await consumer.seek(new MessageId(message.getMessageId().ledgerId, 2n));
    sendEntry(await topic.subscription(topic.broker.heard('subscribe').length), { entryId: place });
    assert.equal((await consumer.receive()).getMessageId().entryId, 2n);
  });

  test('that the broker refuses goes on where it was, with what was acknowledged meanwhile', async (t) => {
    const topic = await startTopic(t);
    const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's' });
    const first = await topic.subscription(1);
    sendEntry(first, { entryId: 4 });
    const seeking = consumer.seek(MessageId.earliest());
    const { command, peer } = await topic.broker.hear('seek');
    const meanwhile = consumer.acknowledge(await consumer.receive());
    const { requestId } = command;
    peer.say({ type: 'error', command: { requestId, error: serverError.MetadataError, message: 'not now' } });
    await assert.rejects(seeking, pulsarError('BrokerMetadataError'));
    await meanwhile;
    assert.deepEqual((await topic.broker.hear('ack')).command.messageId?.[0]?.entryId, 4n);
  });

  for (const lost of ['before it is asked', 'before it answers', 'as it lets go of the consumer'] as const) {
    test(`whose broker is lost ${lost}: the next one is asked`, async (t) => {
      const topic = await startTopic(t);
      const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's' });
      const first = await topic.subscription(1);
      sendEntry(first, { entryId: 4 });
      await consumer.acknowledge(await consumer.receive());
      let asked = 0;
      topic.broker.on('seek', ({ command: { consumerId, requestId }, peer }) => {
        asked++;
        if (lost === 'before it is asked' || asked > 1) return peer.say({ type: 'success', command: { requestId } });
        if (lost === 'before it answers') return peer.cut();
        peer.say({ type: 'closeConsumer', command: { consumerId, requestId: 0 } });
        const refusal = { error: serverError.MetadataError, message: 'Consumer not found' };
        return peer.say({ type: 'error', command: { requestId, ...refusal } });
      });
      if (lost === 'before it is asked') {
        await topic.broker.goAway();
        await eventually(() => !consumer.isConnected() || undefined, 'loss');
      }
      const seeking = consumer.seek(MessageId.earliest());
      if (!consumer.isConnected()) await topic.broker.listen();
      await seeking;
      assert.equal(asked, lost === 'before it is asked' ? 2 : 3, 'until it has answered twice');
      // Nothing was asked for before it was there.
      const last = await topic.subscription(topic.broker.heard('subscribe').length);
      assert.deepEqual(
        [...new Set(topic.broker.heard('flow').map(({ command }) => command.consumerId))],
        [first.command.consumerId, last.command.consumerId],
      );
      sendEntry(last, { entryId: 0 });
      assert.equal((await consumer.receive()).getMessageId().entryId, 0n);
    });
  }

  test('while there is no broker, and none comes: it says so, in time, and goes on where it was', async (t) => {
    const topic = await startTopic(t, { operationTimeoutSeconds: 0.3 });
    const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's' });
    await topic.subscription(1);
    await topic.broker.goAway();
    await eventually(() => !consumer.isConnected() || undefined, 'loss');
    await assert.rejects(consumer.seekTimestamp(1), pulsarError('Timeout'));
    const closing = consumer.seek(MessageId.earliest());
    await consumer.close();
    await assert.rejects(closing, pulsarError('AlreadyClosed'));
    await assert.rejects(consumer.seek(MessageId.earliest()), pulsarError('AlreadyClosed'));
  });
});
