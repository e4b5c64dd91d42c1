// What an official client writes this one reads, and the reverse.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { realTextLines, sharedPulsar, uniqueTopic } from '@pharos/testkit';
import { PulsarAdmin } from '../../src/admin/admin.ts';
import { Client } from '../../src/client.ts';
import { chunksOf, RawProducer } from '../support/chunks.ts';
import { idOf, produce, read } from './own.ts';
import { java, type PeerMessage, peers, type SeenMessage } from './peers.ts';

const timeout = 180_000;

/** One of each kind, and enough small ones that batches are batches. */
const samples: readonly PeerMessage[] = [
  { data: base64('plain') },
  { data: '' },
  { data: '', key: 'a key, no data' },
  { data: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('base64') },
  { data: base64('Grüße, 日本語, 🐌'), key: 'Grüße, 日本語, 🐌' },
  { data: base64('surrogate pairs'), key: '🐌𝄞'.repeat(50), orderingKey: '𝄞 first' },
  { data: base64('ordering key alone'), orderingKey: 'order' },
  { data: base64('properties'), properties: { plain: 'text', 'ü 🐌': '☃ 𝄞', 'no value': '', number: '42' } },
  { data: base64('event time'), eventTimestamp: 1_234_567_890_123 },
  { data: base64('all of it'), key: 'k', orderingKey: 'o', properties: { a: 'b' }, eventTimestamp: 1 },
  // Neither fits into a batch with the others; one shrinks when it is compressed, the other doesn't.
  { data: base64(realTextLines(4_000).join('\n')), key: 'much text' },
  { data: noise(200_000).toString('base64'), key: 'noise' },
  ...realTextLines(100).map((line, index): PeerMessage => ({ data: base64(line), key: `line ${index % 7}` })),
];

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Bytes that no compression makes less of; always the same. */
function noise(bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 64) }, (_, index) =>
    createHash('sha512').update(`noise ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}

/** What must come of the messages. */
function expected(messages: readonly PeerMessage[]): Omit<SeenMessage, 'id' | 'producerName'>[] {
  return messages.map(({ data, key = '', orderingKey = '', properties = {}, eventTimestamp = 0 }) => {
    return { data, key, orderingKey, properties, eventTimestamp };
  });
}

function contents(messages: readonly SeenMessage[]): Omit<SeenMessage, 'id' | 'producerName'>[] {
  return messages.map(({ data, key, orderingKey, properties, eventTimestamp }) => {
    return { data, key, orderingKey, properties, eventTimestamp };
  });
}

async function newClient(t: TestContext): Promise<Client> {
  const { serviceUrl } = await sharedPulsar();
  const client = new Client({ serviceUrl });
  t.after(() => client.close());
  return client;
}

/** Where messages lie. Clients differ in what else they write into an id, such as the size of the batch. */
function places(ids: readonly string[]): string[] {
  return ids.map((id) => String(idOf(id)));
}

/** Whether the topic's entries were what the test means to exchange. */
function assertPacking(ids: readonly string[], batchSize: number): void {
  const entries = new Set(ids.map((id) => `${idOf(id).ledgerId}:${idOf(id).entryId}`)).size;
  if (batchSize === 0) assert.equal(entries, ids.length);
  else assert.ok(entries < ids.length / 4, `${ids.length} messages came in ${entries} entries: hardly batches`);
}

for (const peer of peers) {
  describe(`the official ${peer.name} client`, { skip: peer.skip, timeout }, () => {
    for (const compression of ['None', 'Zlib', 'LZ4', 'ZSTD', 'SNAPPY'] as const) {
      for (const batchSize of [0, 20]) {
        const how = `${batchSize === 0 ? 'singly' : 'in batches'}, compression ${compression}`;

        test(`reads what this one writes ${how}`, async (t) => {
          const [client, worker] = await Promise.all([newClient(t), peer.start()]);
          const topic = uniqueTopic('interop');
          const ids = await produce(client, { topic, messages: samples, compression, batchSize });
          assertPacking(ids, batchSize);
          const seen = await worker.call('read', { topic, count: samples.length, inclusive: false });
          assert.deepEqual(contents(seen), expected(samples));
          assert.deepEqual(places(seen.map(({ id }) => id)), places(ids));
        });

        test(`writes what this one reads ${how}`, async (t) => {
          const [client, worker] = await Promise.all([newClient(t), peer.start()]);
          const topic = uniqueTopic('interop');
          const ids = await worker.call('produce', { topic, messages: samples, compression, batchSize });
          assertPacking(ids, batchSize);
          const seen = await read(client, topic, samples.length);
          assert.deepEqual(contents(seen), expected(samples));
          assert.deepEqual(places(seen.map(({ id }) => id)), places(ids));
        });
      }
    }

    test('exchanges messages of nearly the greatest size', async (t) => {
      const [client, worker] = await Promise.all([newClient(t), peer.start()]);
      const messages = [{ data: noise(5 * 1024 * 1024 - 20_000).toString('base64') }];
      const [ours, theirs] = [uniqueTopic('interop'), uniqueTopic('interop')];
      await produce(client, { topic: ours, messages, compression: 'None', batchSize: 0 });
      const here = await worker.call('read', { topic: ours, count: 1, inclusive: false });
      assert.ok(here[0]?.data === messages[0]?.data);
      await worker.call('produce', { topic: theirs, messages, compression: 'None', batchSize: 0 });
      const there = await read(client, theirs, 1);
      assert.ok(there[0]?.data === messages[0]?.data);
    });

    test('writes messages in chunks, which this one puts together', async (t) => {
      const [client, worker] = await Promise.all([newClient(t), peer.start()]);
      // Python cuts what is longer than the broker takes, Java what is longer than it is told.
      const long = noise(11 * 1024 * 1024).toString('base64');
      const messages: PeerMessage[] = [
        { data: long, key: 'long 🐌', properties: { a: 'b' }, eventTimestamp: 5 },
        { data: base64('short') },
      ];
      for (const compression of ['None', 'LZ4'] as const) {
        const topic = uniqueTopic('interop');
        const sent = { topic, messages, compression, batchSize: 0, chunkBytes: 3_000_000 };
        const ids = await worker.call('produce', sent);
        const seen = await read(client, topic, messages.length);
        assert.deepEqual(
          seen.map(({ data }) => data === long),
          [true, false],
        );
        assert.deepEqual(contents(seen.slice(1)), expected(messages.slice(1)));
        assert.deepEqual(contents(seen)[0]?.properties, { a: 'b' });
        assert.equal(seen[0]?.key, 'long 🐌');
        assert.equal(seen[0].eventTimestamp, 5);
        assert.deepEqual(places(seen.map(({ id }) => id)), places(ids));
        // A message that was whole would have the id of the first entry.
        assert.ok(idOf(ids[0]).entryId >= 2n);
      }
    });

    test('writes messages without a value, which this one reads as empty', async (t) => {
      const [client, worker] = await Promise.all([newClient(t), peer.start()]);
      const messages: PeerMessage[] = [{ data: null, key: 'gone' }, { data: null }, { data: base64('there') }];
      for (const batchSize of [0, 10]) {
        const topic = uniqueTopic('interop');
        await worker.call('produce', { topic, messages, compression: 'None', batchSize });
        const seen = await read(client, topic, 3);
        assert.deepEqual(
          seen.map(({ data, key }) => [data, key]),
          [
            ['', 'gone'],
            ['', ''],
            [base64('there'), ''],
          ],
        );
      }
    });
  });
}

describe('the official Java client, further', { skip: java.skip, timeout }, () => {
  test('writes keys of bytes, which this one reads as base64, as the other official clients do', async (t) => {
    const [client, worker] = await Promise.all([newClient(t), java.start()]);
    const key = Buffer.from([0, 255, 128, 10]).toString('base64');
    for (const batchSize of [0, 10]) {
      const topic = uniqueTopic('interop');
      await worker.call('produce', {
        topic,
        messages: [{ data: '', keyBytes: key }],
        compression: 'None',
        batchSize,
      });
      assert.equal((await read(client, topic, 1))[0]?.key, key);
    }
  });

  // As the same test of this client in chunks.pulsar.test.ts: it is the broker that does so.
  test('gets a message in chunks no more, either, whose first consumer went in its middle, until the topic moves', async (t) => {
    const [client, worker, pulsar] = await Promise.all([newClient(t), java.start(), sharedPulsar()]);
    const topic = uniqueTopic('interop');
    const chunks = chunksOf('a', Buffer.from('in chunks'), 3);
    const raw = await RawProducer.open(t, pulsar.serviceUrl, topic);
    const publish = async (text: string): Promise<unknown> =>
      produce(client, { topic, messages: [{ data: base64(text) }], compression: 'None', batchSize: 0 });
    const texts = async (name: string, count: number): Promise<string[]> =>
      (await worker.call('take', { name, count })).map(({ data }) => Buffer.from(data ?? '', 'base64').toString());
    await worker.call('join', { topic, subscription: 's', name: 'first' });
    await raw.sendAll(chunks.slice(0, 2));
    await publish('mark');
    assert.deepEqual(await texts('first', 1), ['mark']);
    await worker.call('join', { topic, subscription: 's', name: 'second' });
    await worker.call('leave', { name: 'first' });
    await raw.sendAll(chunks.slice(2));
    await publish('end');
    assert.deepEqual(await texts('second', 1), ['end']);
    await new PulsarAdmin({ adminUrl: pulsar.adminUrl }).unload(topic);
    assert.deepEqual(await texts('second', 1), ['in chunks']);
    await worker.call('leave', { name: 'second' });
  });
});
