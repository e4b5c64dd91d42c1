// What a consumer makes of entries that no honest producer writes, and of losing its broker: a broker that does so on demand.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteWriter } from '@pharos/bytes';
import { Deferred } from '@pharos/lifecycle';
import { Collector, eventually } from '@pharos/testkit';
import type { Consumer } from '../src/consumer/consumer.ts';
import { ackType, appendToBatch, compressionType, type MessageMetadata, serverError } from '../src/wire/index.ts';
import { takeTexts, textOf, texts } from './support/consuming.ts';
import { type ScriptedTopic, sendEntry, startTopic } from './support/entries.ts';
import { pulsarError, startScripted } from './support/producers.ts';

const timeout = 20_000;

const refusedPolicies: readonly [string, object, RegExp][] = [
  ['a policy without a number of redeliveries', { deadLetterTopic: 'd' }, /maxRedeliverCount is missing/],
  ['a policy with none', { maxRedeliverCount: 0 }, /'maxRedeliverCount' is 0/],
  ['a policy with an option that there is none of', { maxRedeliverCount: 1, topic: 'd' }, /no option 'topic'/],
  [
    'a retry topic without retries',
    { maxRedeliverCount: 1, retryLetterTopic: 'r' },
    /retryLetterTopic needs retryEnable/,
  ],
  ['dead letters to the topic itself', { maxRedeliverCount: 1, deadLetterTopic: 'chat' }, /must differ/],
  ['no dead letter topic', { maxRedeliverCount: 1, deadLetterTopic: '' }, /deadLetterTopic/],
];

const subscribe = (topic: ScriptedTopic, config = {}): Promise<Consumer> =>
  topic.client.subscribe({ topic: 'chat', subscription: 's', ...config });

interface BatchedText {
  readonly text: string;
  readonly compactedOut?: boolean;
}

function batchOf(...messages: readonly (string | BatchedText)[]): Buffer {
  const writer = new ByteWriter();
  for (const message of messages) {
    const { text, compactedOut } = typeof message === 'string' ? { text: message, compactedOut: false } : message;
    const payload = Buffer.from(text);
    appendToBatch(writer, { payloadSize: payload.length, compactedOut }, payload);
  }
  return writer.copy();
}

/** The entries that a subscription acknowledged one by one, in order. */
function acknowledged(topic: ScriptedTopic): number[] {
  const individual = topic.broker.heard('ack').filter(({ command }) => command.ackType === ackType.individual);
  return individual.flatMap(({ command }) => (command.messageId ?? []).map((id) => Number(id.entryId)));
}

/** Permits of the subscription number so many. */
function granted(topic: ScriptedTopic, number: number): number {
  const consumerId = topic.broker.heard('subscribe')[number - 1]?.command.consumerId;
  const flows = topic.broker.heard('flow').filter(({ command }) => command.consumerId === consumerId);
  return flows.reduce((sum, { command }) => sum + command.messagePermits, 0);
}

describe('consumer', { timeout }, () => {
  const unreadable: readonly [string, Buffer, Partial<MessageMetadata>, string, RegExp][] = [
    [
      'a chunk that can not be',
      Buffer.from('x'),
      { numChunksFromMsg: 3, chunkId: 3 },
      'InvalidMessage',
      /chunk 3 of 3/,
    ],
    ['a new compression', Buffer.from('x'), { compression: 77 }, 'OperationNotSupported', /number 77/],
    ['damaged LZ4', Buffer.from('x'), { compression: compressionType.lz4, uncompressedSize: 9 }, 'InvalidMessage', /./],
    [
      'damaged ZSTD',
      Buffer.from('x'),
      { compression: compressionType.zstd, uncompressedSize: 9 },
      'InvalidMessage',
      /./,
    ],
    [
      'damaged SNAPPY',
      Buffer.from('x'),
      { compression: compressionType.snappy, uncompressedSize: 9 },
      'InvalidMessage',
      /./,
    ],
    ['encryption', Buffer.from('x'), { encryptionKeys: [Buffer.from('k')] }, 'OperationNotSupported', /encrypted/],
    [
      'damaged Zlib',
      Buffer.from('x'),
      { compression: compressionType.zlib, uncompressedSize: 1 },
      'InvalidMessage',
      /./,
    ],
    ['a batch of thousands of millions', batchOf('a'), { numMessagesInBatch: 2 ** 31 - 1 }, 'InvalidMessage', /./],
    ['a batch that is none', Buffer.alloc(40, 0xff), { numMessagesInBatch: 2 }, 'InvalidMessage', /./],
  ];
  for (const [name, payload, metadata, code, message] of unreadable) {
    test(`${name}: a message whose data says why there is none, and that can be acknowledged`, async (t) => {
      const topic = await startTopic(t);
      const consumer = await subscribe(topic);
      const to = await topic.subscription(1);
      sendEntry(to, { entryId: 0, payload, metadata });
      sendEntry(to, { entryId: 1 });
      const first = await consumer.receive();
      assert.throws(
        () => first.getData(),
        (error) => pulsarError(code)(error) && message.test(String(error)),
      );
      assert.equal(first.getMessageId().entryId, 0n);
      assert.deepEqual(first.getProperties(), {});
      await consumer.acknowledge(first);
      assert.deepEqual(await takeTexts(consumer, 1), ['e1']);
      await topic.broker.hear('ack');
      assert.deepEqual(acknowledged(topic), [0]);
    });
  }

  test('a batch of thousands of millions leaves permits for what comes after it', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    const numMessagesInBatch = 2 ** 31 - 1;
    sendEntry(await topic.subscription(1), { entryId: 0, metadata: { numMessagesInBatch } });
    await consumer.receive();
    await eventually(() => granted(topic, 1) > numMessagesInBatch || undefined, 'a permit that is left');
  });

  test('a batch that stays damaged leaves permits for what comes after it', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    const metadata = { numMessagesInBatch: 500 };
    const payload = batchOf(...texts(500));
    for (const session of [1, 2, 3]) {
      sendEntry(await topic.subscription(session), { entryId: 0, payload, metadata, damaged: true });
    }
    const message = await consumer.receive();
    assert.throws(() => message.getData(), pulsarError('ChecksumError'));
    await eventually(() => granted(topic, 3) > 500 || undefined, 'a permit that is left');
  });

  test('asks for no more messages again in one command than a frame has room for', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic, { subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 0 });
    for (let entryId = 0n; entryId < 2500n; entryId++) consumer.negativeAcknowledgeId({ ledgerId: 7n, entryId });
    const asked = (): number[] =>
      topic.broker.heard('redeliverUnacknowledgedMessages').map(({ command }) => command.messageIds?.length ?? 0);
    await eventually(() => asked().reduce((sum, ids) => sum + ids, 0) === 2500 || undefined, 'all to be asked for');
    assert.ok(Math.max(...asked()) <= 1000, `asked for ${asked().join(', ')}`);
  });

  test('a consumer that can not go on says so in the log: a listener hears of it nowhere else', async (t) => {
    const errors = new Collector<string>();
    const nothing = (): void => undefined;
    const logger = {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (_: object, text: string) => errors.add(text),
    };
    const topic = await startTopic(t, { logger });
    await subscribe(topic, { listener: nothing });
    topic.broker.on('subscribe', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'error', command: { requestId, error: serverError.AuthorizationError, message: 'no more' } }),
    );
    topic.broker.cutAll();
    await errors.waitUntil((seen) => seen.length > 0, 'the end');
    assert.match(errors.items.join(), /consumer of 's' on persistent:.*chat is over/);
  });

  test('a batch that ends too soon: the messages before that can be read, and the rest is one that can not', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    const payload = batchOf('a', 'b', 'c long enough to be cut');
    const to = await topic.subscription(1);
    sendEntry(to, { entryId: 0, payload: payload.subarray(0, -3), metadata: { numMessagesInBatch: 3 } });
    sendEntry(to, { entryId: 1 });
    assert.deepEqual(await takeTexts(consumer, 2), ['a', 'b']);
    const rest = await consumer.receive();
    assert.throws(() => rest.getData(), pulsarError('InvalidMessage'));
    assert.deepEqual(await takeTexts(consumer, 1), ['e1']);
  });

  test('what compaction took out of a batch is not delivered, and does not keep the batch unacknowledged', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    const out = { text: '', compactedOut: true };
    const payload = batchOf(out, 'a', out, 'b', out);
    sendEntry(await topic.subscription(1), { entryId: 0, payload, metadata: { numMessagesInBatch: 5 } });
    const received = [await consumer.receive(), await consumer.receive()];
    assert.deepEqual(received.map(textOf), ['a', 'b']);
    for (const message of received) await consumer.acknowledge(message);
    // What is behind the last message is seen when the next one is asked for.
    await assert.rejects(consumer.receive(0), pulsarError('Timeout'));
    await topic.broker.hear('ack');
    assert.deepEqual(acknowledged(topic), [0]);
  });

  test('after a lost connection what was acknowledged of a batch does not come again, all else does', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    const send = async (subscription: number): Promise<void> => {
      const to = await topic.subscription(subscription);
      sendEntry(to, { entryId: 0, payload: batchOf(...texts(4)), metadata: { numMessagesInBatch: 4 } });
      sendEntry(to, { entryId: 1 });
    };
    await send(1);
    const first = [await consumer.receive(), await consumer.receive(), await consumer.receive()];
    await consumer.acknowledge(first[0] as (typeof first)[number]);
    await consumer.acknowledge(first[2] as (typeof first)[number]);
    topic.broker.cutAll();
    await send(2);
    const again = [await consumer.receive(), await consumer.receive()];
    assert.deepEqual(again.map(textOf), ['m1', 'm3']);
    assert.deepEqual(await takeTexts(consumer, 1), ['e1']);
    for (const message of again) await consumer.acknowledge(message);
    await topic.broker.hear('ack');
    assert.deepEqual(acknowledged(topic), [0]);
  });

  test('a message that was received before the loss is acknowledged on the new connection', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    sendEntry(await topic.subscription(1), { entryId: 0 });
    const message = await consumer.receive();
    await topic.broker.goAway();
    await eventually(() => !consumer.isConnected() || undefined, 'loss');
    const done = consumer.acknowledge(message);
    await topic.broker.listen();
    const second = await topic.subscription(2);
    assert.equal(await done, null);
    const ack = await topic.broker.hear('ack');
    assert.equal(ack.command.consumerId, second.command.consumerId);
  });

  test('negative acknowledgements ask for entries, each once; where order is kept for all', async (t) => {
    const topic = await startTopic(t);
    const shared = await subscribe(topic, { subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 20 });
    const to = await topic.subscription(1);
    sendEntry(to, { entryId: 0, payload: batchOf(...texts(3)), metadata: { numMessagesInBatch: 3 } });
    sendEntry(to, { entryId: 1 });
    for (const _ of texts(4)) shared.negativeAcknowledge(await shared.receive());
    const asked = (): (number | undefined)[][] =>
      topic.broker
        .heard('redeliverUnacknowledgedMessages')
        .flatMap(({ command }) => command.messageIds ?? [])
        .map(({ entryId, batchIndex }) => [Number(entryId), batchIndex]);
    await eventually(() => asked().length >= 2 || undefined, 'both entries asked for');
    assert.deepEqual(asked(), [
      [0, undefined],
      [1, undefined],
    ]);
    const ordered = await subscribe(topic, { nAckRedeliverTimeoutMs: 20 });
    sendEntry(await topic.subscription(2), { entryId: 0 });
    ordered.negativeAcknowledge(await ordered.receive());
    const isAll = (): true | undefined => {
      const last = topic.broker.heard('redeliverUnacknowledgedMessages').at(-1)?.command;
      return ((last?.messageIds ?? []).length === 0 && last?.consumerEpoch === 1) || undefined;
    };
    await eventually(isAll, 'request for everything');
  });

  test('partitions take turns: one with much to deliver does not keep another waiting', async (t) => {
    const { broker, client } = await startScripted(t, { partitions: 2 });
    const subscriptions: Parameters<typeof sendEntry>[0][] = [];
    broker.on('subscribe', (heard) => {
      subscriptions.push(heard);
      heard.peer.say({ type: 'success', command: { requestId: heard.command.requestId } });
    });
    broker.on('closeConsumer', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'success', command: { requestId } }),
    );
    const consumer = await client.subscribe({ topic: 'chat', subscription: 's' });
    await broker.hear('flow', 2);
    const [one, two] = subscriptions as [(typeof subscriptions)[0], (typeof subscriptions)[0]];
    const flood = batchOf(...texts(500));
    sendEntry(one, { entryId: 0, payload: flood, metadata: { numMessagesInBatch: 500 } });
    sendEntry(one, { entryId: 1, payload: flood, metadata: { numMessagesInBatch: 500 } });
    sendEntry(two, { entryId: 0, payload: Buffer.from('alone') });
    sendEntry(two, { entryId: 1, payload: Buffer.from('last') });
    // All of it came over one connection in this order, so the first partition's entries are there when the last is.
    const received: string[] = [];
    while (received.at(-1) !== 'last') received.push(textOf(await consumer.receive()));
    assert.ok(received.length < 1002, `${received.length} messages came before the other partition's were all there`);
  });

  test('a listener that closes its consumer gets no more, and nothing keeps looking for messages', async (t) => {
    const topic = await startTopic(t);
    const got: string[] = [];
    const closed = new Deferred<null>();
    await subscribe(topic, {
      listener: (message: Parameters<typeof textOf>[0], consumer: Consumer) => {
        got.push(textOf(message));
        closed.resolve(consumer.close());
      },
    });
    const to = await topic.subscription(1);
    sendEntry(to, { entryId: 0, payload: batchOf(...texts(3)), metadata: { numMessagesInBatch: 3 } });
    await closed.promise;
    assert.deepEqual(got, ['m0']);
    const isQuiet = (): true | undefined => !process.getActiveResourcesInfo().includes('Immediate') || undefined;
    await eventually(isQuiet, 'turn of the event loop without work', 5000);
  });

  test('an acknowledgement whose confirmation the broker owes when it lets go of the consumer goes to the next at once', async (t) => {
    const topic = await startTopic(t, { operationTimeoutSeconds: 600 });
    const consumer = await subscribe(topic, { ackReceiptEnabled: true });
    const first = await topic.subscription(1);
    sendEntry(first, { entryId: 5 });
    const done = consumer.acknowledge(await consumer.receive());
    const { command, peer } = await topic.broker.hear('ack');
    topic.broker.on('ack', (heard) => {
      const { consumerId, requestId } = heard.command;
      heard.peer.say({ type: 'ackResponse', command: { consumerId, requestId } });
    });
    peer.say({ type: 'closeConsumer', command: { consumerId: command.consumerId, requestId: 0 } });
    await done;
    assert.deepEqual(acknowledged(topic), [5, 5]);
  });

  test('a subscription that the broker will not have again ends those who wait, with its reason', async (t) => {
    const topic = await startTopic(t);
    const consumer = await subscribe(topic);
    const waiting = assert.rejects(consumer.receive(), pulsarError('TopicNotFound'));
    topic.broker.on('subscribe', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'error', command: { requestId, error: 11, message: 'gone' } }),
    );
    topic.broker.cutAll();
    await waiting;
    await assert.rejects(consumer.receive(), pulsarError('TopicNotFound'));
    assert.equal(consumer.isConnected(), false);
  });

  const refused: readonly [string, object, RegExp][] = [
    ['an option that there is none of', { subscriptionTyp: 'Shared' }, /subscriptionTyp/],
    [
      'a time to acknowledge that is too short',
      { ackTimeoutMs: 9999 },
      /'ackTimeoutMs' is 9999, expected 0 or at least/,
    ],
    [
      'a backoff of times to acknowledge that there are none of',
      { subscriptionType: 'Shared', ackTimeoutRedeliveryBackoff: {} },
      /ackTimeoutRedeliveryBackoff needs ackTimeoutMs/,
    ],
    [
      'a backoff where redeliveries are not counted',
      { negativeAckRedeliveryBackoff: {} },
      /negativeAckRedeliveryBackoff needs 'Shared' or 'KeyShared'/,
    ],
    [
      'a backoff that shrinks',
      { subscriptionType: 'Shared', negativeAckRedeliveryBackoff: { multiplier: 1 } },
      /multiplier is 1, expected more than 1/,
    ],
    [
      'a backoff that begins beyond its end',
      { subscriptionType: 'KeyShared', negativeAckRedeliveryBackoff: { minDelayMs: 2, maxDelayMs: 1 } },
      /minDelayMs is 2, more than maxDelayMs, 1/,
    ],
    ['several topics', { topics: ['a', 'b'] }, /topics/],
    ['a pattern', { topicsPattern: 'a.*' }, /topicsPattern/],
    [
      'dead letters where redeliveries are not counted',
      { deadLetterPolicy: { maxRedeliverCount: 1 } },
      /deadLetterPolicy needs 'Shared' or 'KeyShared'/,
    ],
    ['retries where redeliveries are not counted', { retryEnable: true }, /retryEnable needs 'Shared' or 'KeyShared'/],
    ...refusedPolicies.map(
      ([name, deadLetterPolicy, message]) =>
        [name, { subscriptionType: 'Shared', deadLetterPolicy }, message] as [string, object, RegExp],
    ),
    ['a policy of keys, where there is no KeyShared', { keySharedPolicy: {} }, /keySharedPolicy needs 'KeyShared'/],
    ['compacted, where it is KeyShared', { readCompacted: true, subscriptionType: 'KeyShared' }, /readCompacted/],
    ['a type that there is none of', { subscriptionType: 'shared' }, /Exclusive, Shared, Failover/],
    ['acknowledgements that wait backwards', { ackGroupingTimeMs: -1 }, /ackGroupingTimeMs/],
    ['groups of none', { ackGroupingMaxSize: 0 }, /ackGroupingMaxSize/],
    ['decryption', { cryptoKeyReader: {} }, /cryptoKeyReader/],
    ['no queue', { receiverQueueSize: 0 }, /receiverQueueSize/],
    ['a batch without any limit', { batchReceivePolicy: { maxNumBytes: -1, timeoutMs: -1 } }, /limit/],
    ['an option of a batch that there is none of', { batchReceivePolicy: { max: 1 } }, /'max'/],
    ['compacted, where it is Shared', { readCompacted: true, subscriptionType: 'Shared' }, /readCompacted/],
    ['no subscription', { subscription: '' }, /subscription/],
  ];
  for (const [name, config, message] of refused) {
    test(`${name}: refused by its name, before the broker is asked anything`, async (t) => {
      const topic = await startTopic(t);
      await assert.rejects(
        subscribe(topic, config),
        (error) => pulsarError('InvalidConfiguration')(error) && message.test(String(error)),
      );
      assert.equal(topic.broker.heard('connect').length, 0);
    });
  }
});
