// What bounds a producer: time, messages, bytes, the broker's largest entry, and its end.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector } from '@pharos/testkit';
import { Client } from '../src/client.ts';
import type { MessageId } from '../src/message-id.ts';
import { newProducer, pulsarError, sendAll, startScripted } from './support/producers.ts';

const timeout = 20_000;

describe('send timeout', { timeout }, () => {
  test('says whether the message was ever written', async (t) => {
    const { broker, client } = await startScripted(t);
    const changes = new Collector<boolean>();
    const producer = await newProducer(client, { sendTimeoutMs: 100, connectionListener: changes.add });
    broker.on('send', () => undefined);
    await assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('Timeout', true));
    await broker.hear('send');
    await broker.goAway();
    await changes.waitUntil((seen) => seen.at(-1) === false, 'the loss');
    await assert.rejects(producer.send({ data: Buffer.from('b') }), pulsarError('Timeout', false));
    broker.on('send', broker.receipt);
    await broker.listen();
    await changes.waitUntil((seen) => seen.at(-1) === true, 'the connection');
    const [id] = (await Promise.all(sendAll(producer, 'c'))) as MessageId[];
    assert.equal(id?.entryId, 0n);
    assert.deepEqual(
      broker.heard('send').map((heard) => heard.command.sequenceId),
      [0, 2],
      'what was given up is not written later',
    );
  });

  test('a receipt that comes too late is not taken for that of the next message', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { sendTimeoutMs: 150 });
    broker.on('send', () => undefined);
    await assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('Timeout', true));
    const late = await broker.hear('send');
    broker.on('send', (heard) => {
      broker.receipt(late);
      broker.receipt(heard);
    });
    const [id] = (await Promise.all(sendAll(producer, 'b'))) as MessageId[];
    assert.equal(id?.entryId, 1n);
    assert.equal(broker.heard('producer').length, 1);
  });

  test('holds for messages that wait for a batch', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, {
      batchingEnabled: true,
      batchingMaxPublishDelayMs: 60_000,
      sendTimeoutMs: 100,
    });
    await assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('Timeout', false));
    assert.equal(broker.heard('send').length, 0);
  });

  test('0 means none', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { sendTimeoutMs: 0 });
    const other = await newProducer(client, { sendTimeoutMs: 100 });
    broker.on('send', () => undefined);
    const [sent] = sendAll(producer, 'a');
    await assert.rejects(other.send({ data: Buffer.from('b') }), pulsarError('Timeout', true));
    const [first] = broker.heard('send');
    assert.ok(first !== undefined);
    broker.receipt(first);
    await sent;
  });
});

describe('queue of a producer', { timeout }, () => {
  test('refuses messages beyond its count and takes more once there is room', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { maxPendingMessages: 2 });
    broker.on('send', () => undefined);
    const sent = sendAll(producer, 'a', 'b');
    await assert.rejects(producer.send({ data: Buffer.from('c') }), pulsarError('ProducerQueueIsFull', false));
    await broker.hear('send', 2);
    for (const heard of broker.heard('send')) broker.receipt(heard);
    await Promise.all(sent);
    broker.on('send', broker.receipt);
    await Promise.all(sendAll(producer, 'd', 'e'));
  });

  test('refuses messages beyond its bytes, counting keys and properties; one message always fits', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('send', () => undefined);
    const producer = await newProducer(client, { maxPendingBytes: 10_000 });
    const first = producer.send({ data: Buffer.alloc(20_000) });
    await assert.rejects(producer.send({ data: Buffer.alloc(0) }), pulsarError('ProducerQueueIsFull'));
    broker.receipt(await broker.hear('send'));
    await first;
    const second = producer.send({ data: Buffer.alloc(0), partitionKey: 'k'.repeat(4000) });
    const third = producer.send({ data: Buffer.alloc(0), properties: { ['n'.repeat(2000)]: 'v'.repeat(3000) } });
    await assert.rejects(producer.send({ data: Buffer.alloc(2000) }), pulsarError('ProducerQueueIsFull'));
    await broker.hear('send', 3);
    for (const waiting of broker.heard('send').slice(1)) broker.receipt(waiting);
    await Promise.all([second, third]);
  });

  test('waits for room where it is told to, in order, and not beyond the send timeout', async (t) => {
    const { broker, client } = await startScripted(t);
    broker.on('send', () => undefined);
    const producer = await newProducer(client, { maxPendingMessages: 1, blockIfQueueFull: true });
    const sent = sendAll(producer, 'a', 'b', 'c');
    for (let count = 1; count <= 3; count++) broker.receipt(await broker.hear('send', count));
    const ids = (await Promise.all(sent)) as MessageId[];
    assert.deepEqual(
      ids.map((id) => id.entryId),
      [0n, 1n, 2n],
    );
    const hasty = await newProducer(client, { maxPendingMessages: 1, blockIfQueueFull: true, sendTimeoutMs: 100 });
    const [written, blocked] = sendAll(hasty, 'd', 'e');
    await assert.rejects(written as Promise<unknown>, pulsarError('Timeout', true));
    // Sent a moment later, it may still get the room of the first for that moment: whether it was written is open.
    await assert.rejects(blocked as Promise<unknown>, pulsarError('Timeout'));
  });
});

describe('messages that can not be sent', { timeout }, () => {
  test('too large for the broker: refused before it is written, and the next goes', async (t) => {
    const { broker, client } = await startScripted(t, { maxMessageSize: 1000 });
    const producer = await newProducer(client);
    await assert.rejects(producer.send({ data: Buffer.alloc(1001) }), pulsarError('MessageTooBig', false));
    const properties = { p: 'x'.repeat(1200) };
    await assert.rejects(producer.send({ data: Buffer.alloc(1), properties }), pulsarError('MessageTooBig', false));
    await Promise.all(sendAll(producer, 'small'));
    assert.equal(broker.heard('send').length, 1);
  });

  test('a batch that is too large together goes in parts', async (t) => {
    const { broker, client } = await startScripted(t, { maxMessageSize: 1000 });
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxPublishDelayMs: 0 });
    // Counted by its length beforehand, it takes three times as many bytes.
    const properties = { p: '語'.repeat(100) };
    const sent = Array.from({ length: 6 }, () => producer.send({ data: Buffer.alloc(10), properties }));
    const ids = await Promise.all(sent);
    assert.ok(broker.heard('send').length >= 3);
    for (const { raw } of broker.heard('send')) assert.ok(raw.length < 1200, `${raw.length} bytes`);
    for (let index = 1; index < ids.length; index++) {
      assert.ok((ids[index] as MessageId).compare(ids[index - 1] as MessageId) > 0);
    }
  });

  test('whoever waits for the room of one that is too large goes behind the rest of its batch', async (t) => {
    const { broker, client } = await startScripted(t, { maxMessageSize: 1000 });
    const batches = { batchingEnabled: true, batchingMaxPublishDelayMs: 0 };
    const producer = await newProducer(client, { ...batches, maxPendingMessages: 3, blockIfQueueFull: true });
    const large = producer.send({ data: Buffer.from('large'), partitionKey: '語'.repeat(400) });
    const [refused, ...stored] = [
      assert.rejects(large, pulsarError('MessageTooBig', false)),
      ...sendAll(producer, 'b', 'c'),
      // Alone in its entry, it waits for no batch.
      producer.send({ data: Buffer.from('d'), deliverAt: Date.now() }),
    ];
    await Promise.all([refused, ...stored]);
    const ids = broker.heard('send').map(({ command }) => command.sequenceId);
    assert.deepEqual(ids, [1, 2, 3]);
  });

  test('… and behind whoever got room before it', async (t) => {
    const { broker, client } = await startScripted(t, { maxMessageSize: 1000 });
    broker.on('send', () => undefined);
    const batches = { batchingEnabled: true, batchingMaxPublishDelayMs: 60_000 };
    const producer = await newProducer(client, { ...batches, maxPendingMessages: 2, blockIfQueueFull: true });
    // Alone in its entry, each has the batch before it sent.
    const alone = (text: string): Promise<unknown> => producer.send({ data: Buffer.from(text), deliverAt: Date.now() });
    const first = [alone('a'), alone('b')];
    const large = producer.send({ data: Buffer.from('large'), partitionKey: '語'.repeat(400) });
    const refused = assert.rejects(large, pulsarError('MessageTooBig', false));
    const last = [alone('c'), alone('d')];
    await broker.hear('send', 2);
    broker.on('send', broker.receipt);
    for (const heard of broker.heard('send')) broker.receipt(heard);
    await Promise.all([...first, refused, ...last]);
    const ids = broker.heard('send').map(({ command }) => command.sequenceId);
    assert.deepEqual(ids, [0, 1, 3, 4]);
  });

  test('not a message: said by name', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    const text = { data: 'text' } as unknown as { data: Buffer };
    await assert.rejects(producer.send(text), /data is string, expected a Buffer/);
    await assert.rejects(producer.send({ data: Buffer.alloc(1), sequenceId: 1.5 }), /sequenceId is 1.5/);
    await assert.rejects(producer.send({ data: Buffer.alloc(1), eventTimestamp: -1 }), /eventTimestamp is -1/);
    const numbers = { data: Buffer.alloc(1), properties: { n: 1 } } as unknown as { data: Buffer };
    await assert.rejects(producer.send(numbers), /property n is number, expected text/);
    const key = { data: Buffer.alloc(1), partitionKey: 5 } as unknown as { data: Buffer };
    await assert.rejects(producer.send(key), /partitionKey is number, expected text/);
    const clusters = { data: Buffer.alloc(1), replicationClusters: [5] } as unknown as { data: Buffer };
    await assert.rejects(producer.send(clusters), /replicationClusters has a member that is number, expected text/);
    const cluster = { data: Buffer.alloc(1), replicationClusters: 'one' } as unknown as { data: Buffer };
    await assert.rejects(producer.send(cluster), /replicationClusters is string, expected a list/);
    assert.equal(broker.heard('send').length, 0);
  });
});

describe('end of a producer', { timeout }, () => {
  test('flush waits for what was sent before, and says of a failure', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, {
      batchingEnabled: true,
      batchingMaxPublishDelayMs: 60_000,
      sendTimeoutMs: 300,
    });
    await producer.flush();
    const sent = sendAll(producer, 'a', 'b');
    await producer.flush();
    assert.equal(broker.heard('send').length, 1);
    await Promise.all(sent);
    broker.on('send', () => undefined);
    const [late] = sendAll(producer, 'c');
    await assert.rejects(producer.flush(), pulsarError('Timeout', true));
    await assert.rejects(late as Promise<unknown>, pulsarError('Timeout', true));
  });

  test('flush tells whoever waits after those who wait for its messages', async (t) => {
    const { broker, client } = await startScripted(t);
    const batching = { batchingEnabled: true, batchingMaxPublishDelayMs: 60_000 };
    const producer = await newProducer(client, { ...batching, sendTimeoutMs: 300 });
    let told = 0;
    const tell = (): void => void told++;
    const send = (): void => void producer.send({ data: Buffer.from('a') }).then(tell, tell);
    for (let count = 0; count < 3; count++) send();
    await producer.flush();
    assert.equal(told, 3);
    broker.on('send', () => undefined);
    for (let count = 0; count < 3; count++) send();
    await assert.rejects(producer.flush(), pulsarError('Timeout'));
    assert.equal(told, 6);
  });

  test('the time of a client that is closed is over for messages that have no connection too', async (t) => {
    const { broker, client } = await startScripted(t, {}, { initialBackoffMs: 60_000, maxBackoffMs: 60_000 });
    const lost = new Collector<boolean>();
    const producer = await newProducer(client, { sendTimeoutMs: 60_000, connectionListener: lost.add });
    await broker.goAway();
    await lost.waitUntil((seen) => seen.includes(false), 'the loss');
    const failed = assert.rejects(producer.send({ data: Buffer.from('a') }), pulsarError('AlreadyClosed', false));
    await client.close(10);
    await failed;
  });

  test('close waits for what is under way, tells the broker, and takes nothing more', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { batchingEnabled: true, batchingMaxPublishDelayMs: 60_000 });
    broker.on('send', () => undefined);
    const sent = sendAll(producer, 'a');
    const closed = producer.close();
    await assert.rejects(producer.send({ data: Buffer.from('b') }), pulsarError('AlreadyClosed'));
    const heard = await broker.hear('send');
    assert.equal(broker.heard('closeProducer').length, 0);
    broker.receipt(heard);
    await Promise.all([...sent, closed, producer.close()]);
    assert.equal(broker.heard('closeProducer').length, 1);
    await assert.rejects(
      producer.flush().then(() => producer.send({ data: Buffer.from('c') })),
      /was closed/,
    );
  });

  test('close waits no longer than the send timeout', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client, { sendTimeoutMs: 100 });
    broker.on('send', () => undefined);
    const [sent] = sendAll(producer, 'a');
    await producer.close();
    await assert.rejects(sent as Promise<unknown>, pulsarError('Timeout', true));
  });

  test('a second close waits for the first', async (t) => {
    const { broker, client } = await startScripted(t);
    const producer = await newProducer(client);
    broker.on('send', () => undefined);
    const order: string[] = [];
    const sent = producer.send({ data: Buffer.from('a') }).then(() => order.push('sent'));
    const first = producer.close();
    const second = client.close().then(() => order.push('client closed'));
    broker.receipt(await broker.hear('send'));
    await Promise.all([sent, first, second]);
    assert.deepEqual(order, ['sent', 'client closed']);
  });

  test('closing the client ends a creation that is still trying', async (t) => {
    const { broker } = await startScripted(t);
    await broker.goAway();
    const client = new Client({ serviceUrl: broker.serviceUrl, initialBackoffMs: 3000 });
    // Plain by its name: nothing is asked before it tries to attach.
    const creating = client.createProducer({ topic: 'chat-partition-0' });
    creating.catch(() => undefined);
    const began = performance.now();
    await client.close();
    await assert.rejects(creating, pulsarError('AlreadyClosed'));
    assert.ok(performance.now() - began < 1000, 'it did not wait for the next try');
  });

  test('… and one that waits to ask once more what the topic is', async (t) => {
    const { broker } = await startScripted(t);
    await broker.goAway();
    const failures = new Collector<string>();
    const ignore = (): void => undefined;
    const logger = {
      debug: ignore,
      info: ignore,
      warn: (_: object, text: string) => failures.add(text),
      error: ignore,
    };
    const patience = { operationTimeoutSeconds: 600, initialBackoffMs: 60_000, maxBackoffMs: 60_000 };
    const client = new Client({ serviceUrl: broker.serviceUrl, logger, ...patience });
    const failed = assert.rejects(client.createProducer({ topic: 'chat' }), pulsarError('AlreadyClosed'));
    await failures.waitUntil((seen) => seen.length > 0, 'the first failure');
    await client.close();
    await failed;
  });
});
