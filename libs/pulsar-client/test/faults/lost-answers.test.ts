// The connection is lost between a request and its answer, while something is being made.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageId } from '../../src/message-id.ts';
import { serverError } from '../../src/wire/index.ts';
import { startTopic } from '../support/entries.ts';
import { pulsarError, startScripted } from '../support/producers.ts';

const timeout = 20_000;

describe('an answer that is lost with its connection', { timeout }, () => {
  test('is asked for again, until the broker has missed the lost producer that has the name', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('producer', ({ peer, command: { requestId } }) => {
      const attempt = broker.heard('producer').length + 1;
      if (attempt === 1) peer.cut();
      else if (attempt > 2) peer.say({ type: 'producerSuccess', command: { requestId, producerName: 'mine' } });
      else peer.say({ type: 'error', command: { requestId, error: serverError.ProducerBusy, message: 'it is taken' } });
    });
    const producer = await client.createProducer({ topic: 'chat', producerName: 'mine' });
    assert.equal(producer.isConnected(), true);
    assert.equal(broker.heard('producer').length, 3);
  });

  test('is asked for again, until the broker has missed the lost consumer that excludes this one', async (t) => {
    const { broker, client } = await startTopic(t);
    broker.on('subscribe', ({ peer, command: { requestId } }) => {
      const attempt = broker.heard('subscribe').length + 1;
      if (attempt === 1) peer.cut();
      else if (attempt > 2) peer.say({ type: 'success', command: { requestId } });
      else peer.say({ type: 'error', command: { requestId, error: serverError.ConsumerBusy, message: 'it is taken' } });
    });
    const consumer = await client.subscribe({ topic: 'chat', subscription: 's' });
    assert.equal(consumer.isConnected(), true);
    assert.equal(broker.heard('subscribe').length, 3);
  });

  test('leaves a name that somebody else has taken: who is refused is told at once', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('producer', ({ peer, command: { requestId } }) =>
      peer.say({ type: 'error', command: { requestId, error: serverError.ProducerBusy, message: 'it is taken' } }),
    );
    await assert.rejects(client.createProducer({ topic: 'chat', producerName: 'mine' }), pulsarError('ProducerBusy'));
    assert.equal(broker.heard('producer').length, 1);
  });

  test('about the last message is asked for again by a reader, when it is made and later', async (t) => {
    const { broker, client } = await startTopic(t);
    broker.on('getLastMessageId', ({ peer, command: { requestId } }) => {
      const asked = broker.heard('getLastMessageId').length + 1;
      const lastMessageId = { ledgerId: 7n, entryId: BigInt(asked) };
      // Every other time.
      if (asked % 2 === 1) peer.cut();
      else peer.say({ type: 'getLastMessageIdResponse', command: { requestId, lastMessageId } });
    });
    const reader = await client.createReader({ topic: 'chat', startMessageId: new MessageId(7n, 3n) });
    assert.equal(reader.hasNext(), false);
    assert.equal(await reader.hasMessageAvailable(), true);
    assert.equal(broker.heard('getLastMessageId').length, 4);
  });

  test('about the last message that never comes ends a reader, with its consumer', async (t) => {
    const { broker, client } = await startTopic(t, { operationTimeoutSeconds: 1 });
    broker.on('getLastMessageId', () => undefined);
    const reading = client.createReader({ topic: 'chat', startMessageId: MessageId.earliest() });
    await assert.rejects(reading, pulsarError('Timeout'));
    assert.ok(broker.heard('getLastMessageId').length > 0, 'everything before came in time');
    assert.equal(broker.heard('closeConsumer').length, 1);
  });
});
