// A broker that takes everything and answers nothing: whatever is asked of it ends in time, and says what was asked.
import assert from 'node:assert/strict';
import { before, describe, test, type TestContext } from 'node:test';
import { Client } from '../src/client.ts';
import type { Consumer } from '../src/consumer/consumer.ts';
import { PulsarError } from '../src/errors.ts';
import { MessageId } from '../src/message-id.ts';
import type { CommandName } from '../src/wire/index.ts';
import { newProducer, startScripted, takeConsumers } from './support/producers.ts';
import { ScriptedBroker } from './support/scripted-broker.ts';

const operationTimeoutSeconds = 0.5;

async function start(t: TestContext): Promise<{ readonly broker: ScriptedBroker; readonly client: Client }> {
  const rig = await startScripted(t, {}, { operationTimeoutSeconds });
  takeConsumers(rig.broker);
  return rig;
}

async function mustTimeOut(ask: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await assert.rejects(ask(), (error) => {
    assert.ok(error instanceof PulsarError, String(error));
    assert.equal(error.code, 'Timeout', error.message);
    assert.match(error.message, /chat/);
    return true;
  });
  assert.ok(performance.now() - startedAt >= operationTimeoutSeconds * 900);
}

function subscribe(client: Client): Promise<Consumer> {
  return client.subscribe({ topic: 'chat', subscription: 's' });
}

const earliest = MessageId.earliest();

/** What is asked, and what is asked of the broker by it. */
const makes: readonly (readonly [string, CommandName, (client: Client) => Promise<unknown>])[] = [
  ['the partitions', 'partitionedMetadata', (client) => client.getPartitionsForTopic('chat')],
  ['the broker', 'lookup', (client) => newProducer(client)],
  ['a producer', 'producer', (client) => newProducer(client)],
  ['a consumer', 'subscribe', subscribe],
  ['a reader', 'subscribe', (client) => client.createReader({ topic: 'chat', startMessageId: earliest })],
  ['entries', 'subscribe', (client) => client.subscribeEntries({ topic: 'chat', subscription: 's' })],
];

const asks: readonly (readonly [string, CommandName, (consumer: Consumer) => Promise<unknown>])[] = [
  ['a seek', 'seek', (consumer) => consumer.seekTimestamp(1)],
  ['an unsubscribe', 'unsubscribe', (consumer) => consumer.unsubscribe()],
];

describe('a broker that does not answer', { concurrency: true }, () => {
  // The first connection of a process takes its time, which isn't what is measured here.
  before(async () => {
    const broker = await ScriptedBroker.start();
    const client = new Client({ serviceUrl: broker.serviceUrl });
    await client.getPartitionsForTopic('chat');
    await client.close();
    await broker.close();
  });

  for (const [what, command, make] of makes) {
    test(`asked for ${what}`, async (t) => {
      const { broker, client } = await start(t);
      broker.on(command, () => undefined);
      await mustTimeOut(() => make(client));
      assert.ok(broker.heard(command).length > 0, 'it was asked');
    });
  }

  for (const [what, command, ask] of asks) {
    test(`asked for ${what}`, async (t) => {
      const { broker, client } = await start(t);
      const consumer = await subscribe(client);
      await mustTimeOut(() => ask(consumer));
      assert.ok(broker.heard(command).length > 0, 'it was asked');
    });
  }

  test('to close is not waited for longer', async (t) => {
    const { broker, client } = await start(t);
    broker.on('closeProducer', () => undefined);
    broker.on('closeConsumer', () => undefined);
    const producer = await newProducer(client);
    const consumer = await subscribe(client);
    await Promise.all([producer.close(), consumer.close()]);
    assert.equal(broker.heard('closeProducer').length + broker.heard('closeConsumer').length, 2);
  });
});
