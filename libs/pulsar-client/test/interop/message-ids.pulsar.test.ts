// A position that one client stored is a position for the others.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sharedPulsar, uniqueTopic } from '@pharos/testkit';
import { Client } from '../../src/client.ts';
import type { Consumer } from '../../src/consumer/consumer.ts';
import { MessageId } from '../../src/message-id.ts';
import { take } from '../support/consuming.ts';
import { idOf, produce, read, seen } from './own.ts';
import { peers, python, type SeenMessage } from './peers.ts';

const timeout = 180_000;
const count = 40;
const texts = Array.from({ length: count }, (_, index) => `m${index}`);
const messages = texts.map((text) => ({ data: Buffer.from(text).toString('base64') }));
/** In the middle of a batch, where there are batches. */
const at = 17;

function textsOf(received: readonly SeenMessage[]): string[] {
  return received.map(({ data }) => Buffer.from(data ?? '', 'base64').toString());
}

for (const peer of peers) {
  describe(`message ids exchanged with the official ${peer.name} client`, { skip: peer.skip, timeout }, () => {
    let client: Client;

    before(async () => {
      const { serviceUrl } = await sharedPulsar();
      client = new Client({ serviceUrl });
      await peer.start();
    });
    after(() => client.close());

    for (const batchSize of [0, 10]) {
      const what = batchSize === 0 ? 'of single messages' : 'of messages in batches';

      test(`${what}: both start readers, inclusive and not, at an id that the other received`, async () => {
        const topic = uniqueTopic('interop-ids');
        const worker = await peer.start();
        await produce(client, { topic, messages, compression: 'None', batchSize });
        const theirs = await worker.call('read', { topic, count, inclusive: false });
        const ours = await read(client, topic, count);
        for (const [index, { id }] of ours.entries()) {
          assert.equal(String(idOf(theirs[index]?.id)), String(idOf(id)));
        }
        for (const inclusive of [false, true]) {
          const rest = texts.slice(inclusive ? at : at + 1);
          const start = ours[at]?.id ?? '';
          const there = await worker.call('read', { topic, count: rest.length, start, inclusive });
          assert.deepEqual(textsOf(there), rest);
          const startMessageId = idOf(theirs[at]?.id);
          const reader = await client.createReader({ topic, startMessageId, startMessageIdInclusive: inclusive });
          const here = await take(reader, rest.length);
          assert.deepEqual(textsOf(here.map(seen)), rest);
          await reader.close();
        }
      });

      test(`${what}: both seek to an id that the other got for what it published`, async () => {
        const worker = await peer.start();
        const [ours, theirs] = [uniqueTopic('interop-ids'), uniqueTopic('interop-ids')];
        const sent = { messages, compression: 'None', batchSize } as const;
        const ids = await produce(client, { topic: ours, ...sent });
        const rest = texts.slice(at + 1);
        const there = await worker.call('consume', {
          topic: ours,
          subscription: 's',
          count: rest.length,
          seek: ids[at] ?? '',
        });
        assert.deepEqual(textsOf(there), rest);
        const theirIds = await worker.call('produce', { topic: theirs, ...sent });
        const consumer = await subscribe(client, theirs);
        await consumer.seek(idOf(theirIds[at]));
        const here = await take(consumer, rest.length);
        assert.deepEqual(textsOf(here.map(seen)), rest);
        await consumer.close();
      });

      test(`${what}: a subscription goes from one client to the other where it is`, async () => {
        const worker = await peer.start();
        const topic = uniqueTopic('interop-ids');
        await produce(client, { topic, messages, compression: 'None', batchSize });
        // At the border of a batch: before it, a client that comes new gets the batch again.
        const consumed = async (): Promise<string[]> =>
          textsOf(await worker.call('consume', { topic, subscription: 's', count: 10 }));
        const ourTurn = async (): Promise<string[]> => {
          const consumer = await subscribe(client, topic);
          const got = await take(consumer, 10);
          for (const message of got) await consumer.acknowledge(message);
          await consumer.close();
          return textsOf(got.map(seen));
        };
        assert.deepEqual(await consumed(), texts.slice(0, 10));
        assert.deepEqual(await ourTurn(), texts.slice(10, 20));
        assert.deepEqual(await consumed(), texts.slice(20, 30));
        assert.deepEqual(await ourTurn(), texts.slice(30, 40));
      });
    }

    test('the id for the beginning is the same', async () => {
      const topic = uniqueTopic('interop-ids');
      const worker = await peer.start();
      await produce(client, { topic, messages, compression: 'None', batchSize: 10 });
      const start = MessageId.earliest().serialize().toString('base64');
      assert.deepEqual(textsOf(await worker.call('read', { topic, count, start, inclusive: false })), texts);
    });
  });
}

describe('bytes of message ids', { skip: python.skip, timeout }, () => {
  test('are those of the C++ client; Java says a size of 0 where there is no batch', async (t) => {
    const { serviceUrl } = await sharedPulsar();
    const client = new Client({ serviceUrl });
    t.after(() => client.close());
    const worker = await python.start();
    for (const batchSize of [0, 10]) {
      const topic = uniqueTopic('interop-ids');
      await produce(client, { topic, messages, compression: 'None', batchSize });
      const theirs = await worker.call('read', { topic, count, inclusive: false });
      const ours = await read(client, topic, count);
      assert.deepEqual(
        ours.map(({ id }) => id),
        theirs.map(({ id }) => id),
      );
    }
  });
});

function subscribe(client: Client, topic: string): Promise<Consumer> {
  return client.subscribe({ topic, subscription: 's', subscriptionInitialPosition: 'Earliest' });
}
