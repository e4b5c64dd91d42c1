import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { Deferred } from '@pharos/lifecycle';
import type { Entry } from '../src/consumer/entry-consumer.ts';
import { MessageId } from '../src/message-id.ts';
import { ackType, compressionType, serverError } from '../src/wire/index.ts';
import { follow, sendEntry, startTopic, textsOf } from './support/entries.ts';
import { pulsarError } from './support/producers.ts';

const ignore = (): void => undefined;
const earliest = { startMessageId: MessageId.earliest() };

describe('entries', () => {
  test('come whole, in order, with where they lie', async (t) => {
    const topic = await startTopic(t);
    const { entries } = await follow(topic.client, earliest);
    const subscription = await topic.subscription(1);
    for (const entryId of [0, 1, 2]) sendEntry(subscription, { entryId });
    await entries.waitForCount(3);
    assert.deepEqual(textsOf(entries.items), ['e0', 'e1', 'e2']);
    assert.equal(entries.items[2]?.messageId.toString(), '(7,2,-1,-1)');
    assert.equal(entries.items.at(-1)?.session, 1);
  });

  test('that wait are told of once, and make room as they are taken', async (t) => {
    const topic = await startTopic(t);
    let told = 0;
    const { consumer } = await follow(topic.client, {
      ...earliest,
      receiverQueueSize: 4,
      onReadable: () => {
        told++;
      },
    });
    const subscription = await topic.subscription(1);
    const permits = (): number[] => topic.broker.heard('flow').map(({ command }) => command.messagePermits);
    assert.deepEqual(permits(), [1], 'nobody knows yet how large they are');
    for (const entryId of [0, 1, 2, 3]) sendEntry(subscription, { entryId });
    subscription.peer.say({ type: 'ping', command: {} });
    await topic.broker.hear('pong');
    assert.deepEqual([told, consumer.queuedEntries, consumer.queuedBytes], [1, 4, 8]);
    assert.deepEqual(permits(), [1, 3]);
    for (let taken = 0; taken < 4; taken++) consumer.tryReceive();
    assert.equal(consumer.tryReceive(), undefined);
    const { command } = await topic.broker.hear('flow', 3);
    assert.ok(command.messagePermits >= 1 && command.messagePermits <= 4, `${command.messagePermits}`);
  });

  test('a flood stops reading, and goes on where it stopped', async (t) => {
    const flooded = new Deferred();
    const logger = { debug: ignore, info: ignore, warn: () => flooded.resolve(), error: ignore };
    const topic = await startTopic(t, { logger, keepAliveIntervalMs: 100 });
    const { consumer } = await follow(topic.client, {
      ...earliest,
      receiverQueueBytes: 1024,
      onReadable: () => undefined,
    });
    const subscription = await topic.subscription(1);
    const megabyte = Buffer.alloc(1024 * 1024);
    for (let entryId = 0; entryId < 40; entryId++) sendEntry(subscription, { entryId, payload: megabyte });
    subscription.peer.say({ type: 'ping', command: {} });
    await flooded.promise;
    // A flood that was read on would be here within a few turns of the event loop.
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    const most = consumer.queuedBytes;
    assert.ok(most > megabyte.length && most < 4 * megabyte.length, `${most} bytes were queued`);
    // A broker that hears nothing for so long would take the client for gone.
    await topic.broker.hear('ping', topic.broker.heard('ping').length + 1);
    let taken = 0;
    const takeAll = (): void => {
      while (consumer.tryReceive() !== undefined) taken++;
    };
    while (topic.broker.heard('pong').length === 0) {
      takeAll();
      await setImmediate();
    }
    takeAll();
    assert.equal(taken, 40);
  });

  test('a callback that throws breaks nothing', async (t) => {
    const topic = await startTopic(t);
    let calls = 0;
    const { consumer } = await follow(topic.client, {
      ...earliest,
      onReadable: (readable) => {
        readable.tryReceive();
        calls++;
        throw new Error('a defect of the application');
      },
    });
    const subscription = await topic.subscription(1);
    for (const entryId of [0, 1]) sendEntry(subscription, { entryId });
    subscription.peer.say({ type: 'ping', command: {} });
    await topic.broker.hear('pong');
    assert.equal(calls, 2);
    assert.ok(consumer.isConnected());
  });
});

test('entries of a Shared subscription are acknowledged one by one: up to one is refused, and the broker not asked', async (t) => {
  const topic = await startTopic(t);
  const { consumer, entries } = await follow(topic.client, { durable: true, subscriptionType: 'Shared' });
  sendEntry(await topic.subscription(1), { entryId: 3 });
  await entries.waitUntil((all) => all.length === 1, 'the entry');
  const [entry] = entries.items as [Entry];
  const code = 'CumulativeAcknowledgementNotAllowedError';
  await assert.rejects(consumer.acknowledgeEntriesThrough(entry), pulsarError(code));
  await consumer.acknowledgeEntry(entry);
  assert.deepEqual((await topic.broker.hear('ack')).command.ackType, ackType.individual);
});

describe('entries that can not be read say so', () => {
  const text = Buffer.from('hello hello hello hello');
  const zlib = { compression: compressionType.zlib, uncompressedSize: text.length };
  const cases: readonly {
    readonly name: string;
    readonly metadata: Record<string, unknown>;
    readonly payload?: Buffer;
    readonly code: string;
    readonly says: RegExp;
  }[] = [
    { name: 'damaged LZ4', metadata: { ...zlib, compression: 1 }, code: 'InvalidMessage', says: /uncompressed/ },
    { name: 'damaged ZSTD', metadata: { ...zlib, compression: 3 }, code: 'InvalidMessage', says: /uncompressed/ },
    { name: 'damaged SNAPPY', metadata: { ...zlib, compression: 4 }, code: 'InvalidMessage', says: /uncompressed/ },
    { name: 'a new compression', metadata: { compression: 99 }, code: 'OperationNotSupported', says: /number 99/ },
    { name: 'damaged Zlib', metadata: zlib, payload: text, code: 'InvalidMessage', says: /uncompressed/ },
    {
      name: 'Zlib that claims less',
      metadata: { ...zlib, uncompressedSize: 5 },
      payload: deflateSync(text),
      code: 'InvalidMessage',
      says: /uncompressed|5 bytes/,
    },
    {
      name: 'Zlib that claims a gigabyte',
      metadata: { ...zlib, uncompressedSize: 2 ** 30 },
      payload: deflateSync(text),
      code: 'InvalidMessage',
      says: /1073741824 bytes/,
    },
    {
      name: 'encrypted',
      metadata: { encryptionKeys: [Buffer.from('x')], encryptionAlgo: 'AES' },
      code: 'OperationNotSupported',
      says: /encrypted with AES/,
    },
    { name: 'forged batch', metadata: { numMessagesInBatch: 2 ** 30 }, code: 'InvalidMessage', says: /1073741824/ },
  ];
  for (const { name, metadata, payload, code, says } of cases) {
    test(name, async (t) => {
      const topic = await startTopic(t);
      const { entries } = await follow(topic.client, earliest);
      sendEntry(await topic.subscription(1), { entryId: 0, metadata, ...(payload === undefined ? {} : { payload }) });
      const [entry] = (await entries.waitForCount(1)) as [Entry];
      assert.ok(pulsarError(code)(entry.unreadable), String(entry.unreadable));
      assert.match(String(entry.unreadable?.message), says);
      assert.equal(entry.payload.length, 0);
    });
  }

  test('Zlib can', async (t) => {
    const topic = await startTopic(t);
    const { entries } = await follow(topic.client, earliest);
    sendEntry(await topic.subscription(1), { entryId: 0, metadata: zlib, payload: deflateSync(text) });
    assert.deepEqual(textsOf(await entries.waitForCount(1)), [text.toString()]);
  });

  for (const [name, how, code] of [
    ['a wrong checksum', { damaged: true }, 'ChecksumError'],
    ['malformed', { malformed: true }, 'InvalidMessage'],
  ] as const) {
    test(`${name}: read again, and given up where it stays so`, async (t) => {
      const topic = await startTopic(t);
      const { entries } = await follow(topic.client, earliest);
      sendEntry(await topic.subscription(1), { entryId: 0 });
      await entries.waitForCount(1);
      sendEntry(await topic.subscription(1), { entryId: 1, ...how });
      const second = await topic.subscription(2);
      assert.deepEqual(second.command.startMessageId?.entryId, 0n, 'the damaged one comes again');
      sendEntry(second, { entryId: 1, ...how });
      const third = await topic.subscription(3);
      sendEntry(third, { entryId: 1, ...how });
      sendEntry(third, { entryId: 2 });
      await entries.waitForCount(3);
      assert.ok(pulsarError(code)(entries.items[1]?.unreadable));
      assert.equal(entries.items[2]?.unreadable, undefined);
    });

    test(`${name}, which the network made, is not seen`, async (t) => {
      const topic = await startTopic(t);
      const { entries } = await follow(topic.client, earliest);
      sendEntry(await topic.subscription(1), { entryId: 0, ...how });
      sendEntry(await topic.subscription(2), { entryId: 0 });
      assert.deepEqual(textsOf(await entries.waitForCount(1)), ['e0']);
    });
  }
});

describe('a refused subscription', () => {
  test('that is busy fails at once', async (t) => {
    const topic = await startTopic(t);
    topic.broker.on('subscribe', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'error', command: { requestId, error: serverError.ConsumerBusy, message: 'taken' } }),
    );
    await assert.rejects(follow(topic.client), pulsarError('ConsumerBusy'));
    assert.equal(topic.broker.heard('subscribe').length, 1);
  });

  test('for a reason that passes is asked for again', async (t) => {
    const topic = await startTopic(t);
    topic.broker.on('subscribe', (heard) => {
      const { requestId } = heard.command;
      if (topic.broker.heard('subscribe').length > 1) return topic.welcome(heard);
      const error = serverError.ServiceNotReady;
      return heard.peer.say({ type: 'error', command: { requestId, error, message: 'wait' } });
    });
    await follow(topic.client, earliest);
    assert.equal(topic.broker.heard('subscribe').length, 3);
  });
});
