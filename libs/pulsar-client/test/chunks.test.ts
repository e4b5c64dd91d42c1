// Messages that come in chunks: in and out of order, twice, incomplete, too many.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { eventually } from '@pharos/testkit';
import type { Consumer } from '../src/consumer/consumer.ts';
import type { ConsumerConfig } from '../src/consumer/consumer-config.ts';
import { MessageId } from '../src/message-id.ts';
import { ackType, compressionType } from '../src/wire/index.ts';
import { type Chunk, chunksOf } from './support/chunks.ts';
import { take, takeTexts, textOf } from './support/consuming.ts';
import { type ScriptedTopic, sendEntry, startTopic } from './support/entries.ts';
import { pulsarError } from './support/producers.ts';
import type { Heard } from './support/scripted-broker.ts';

const timeout = 20_000;

const a = chunksOf('a', Buffer.from('the first message'), 3);
const b = chunksOf('b', Buffer.from('the second one'), 3);

class Feed {
  readonly topic: ScriptedTopic;
  readonly consumer: Consumer;
  #to: Heard<'subscribe'>;
  #next = 0;

  private constructor(topic: ScriptedTopic, consumer: Consumer, to: Heard<'subscribe'>) {
    this.topic = topic;
    this.consumer = consumer;
    this.#to = to;
  }

  static async open(t: Parameters<typeof startTopic>[0], config: Partial<ConsumerConfig> = {}): Promise<Feed> {
    const topic = await startTopic(t);
    const consumer = await topic.client.subscribe({ topic: 'chat', subscription: 's', ...config });
    return new Feed(topic, consumer, await topic.subscription(1));
  }

  /** Delivers chunks as the next entries. `undefined`: a message of its own, whose text is its entry's name. */
  send(...chunks: (Chunk | undefined)[]): void {
    const now = Date.now();
    for (const chunk of chunks) {
      const entryId = this.#next++;
      if (chunk === undefined) sendEntry(this.#to, { entryId });
      else sendEntry(this.#to, { entryId, ...chunk, metadata: { publishTime: now, ...chunk.metadata } });
    }
  }

  /** What is sent from now on goes to subscription number so many, from entry `next` on. */
  async goOn(subscription: number, next: number): Promise<void> {
    this.#to = await this.topic.subscription(subscription);
    this.#next = next;
  }

  acknowledged(type: number = ackType.individual): number[] {
    const acks = this.topic.broker.heard('ack').filter(({ command }) => command.ackType === type);
    return acks.flatMap(({ command }) => (command.messageId ?? []).map(({ entryId }) => Number(entryId)));
  }

  /** Waits until these entries, and no others, are acknowledged. */
  async isAcknowledged(...entryIds: number[]): Promise<void> {
    await eventually(() => this.acknowledged().length >= entryIds.length || undefined, `acks of ${entryIds.join()}`);
    assert.deepEqual(
      this.acknowledged().sort((one, other) => one - other),
      entryIds,
    );
  }
}

describe('messages in chunks', { timeout }, () => {
  test('interleaved with others: each is one message, and acknowledges all of its chunks', async (t) => {
    const feed = await Feed.open(t);
    feed.send(a[0], b[0], undefined, a[1], a[2], b[1], b[2]);
    const messages = await take(feed.consumer, 3);
    assert.deepEqual(messages.map(textOf), ['e2', 'the first message', 'the second one']);
    const id = messages[1]?.getMessageId() as MessageId;
    assert.equal(id.toString(), '(7,4,-1,-1)');
    assert.equal(id.firstChunkMessageId?.toString(), '(7,0,-1,-1)');
    const kept = MessageId.deserialize(id.serialize());
    assert.deepEqual([kept.entryId, kept.firstChunkMessageId?.entryId], [4n, 0n]);
    await feed.consumer.acknowledgeId(kept);
    await feed.isAcknowledged(0, 3, 4);
  });

  test('compressed: as a whole, before it was cut', async (t) => {
    const feed = await Feed.open(t);
    const plain = Buffer.from('again and '.repeat(1000));
    const packed = deflateSync(plain);
    const metadata = { compression: compressionType.zlib, uncompressedSize: plain.length };
    feed.send(...chunksOf('z', packed, 4, metadata));
    assert.deepEqual(await takeTexts(feed.consumer, 1), [plain.toString()]);
  });

  test('a chunk that was sent twice counts once, and does not stay unacknowledged', async (t) => {
    const feed = await Feed.open(t);
    feed.send(a[0], a[1], a[1], a[2]);
    const [message] = await take(feed.consumer, 1);
    assert.deepEqual(message && textOf(message), 'the first message');
    await feed.isAcknowledged(2);
    await feed.consumer.acknowledge(message as NonNullable<typeof message>);
    await feed.isAcknowledged(0, 1, 2, 3);
  });

  test('a message that is begun again is the later one', async (t) => {
    const feed = await Feed.open(t);
    feed.send(a[0], a[1], ...chunksOf('a', Buffer.from('another message'), 2));
    assert.deepEqual(await takeTexts(feed.consumer, 1), ['another message']);
    await feed.isAcknowledged(0, 1);
  });

  test('a gap: the message is not there, others are; what was dropped comes with the next connection', async (t) => {
    const feed = await Feed.open(t);
    feed.send(a[0], a[2], b[1], ...b);
    assert.deepEqual(await takeTexts(feed.consumer, 1), ['the second one']);
    assert.deepEqual(feed.acknowledged(), []);
    feed.topic.broker.cutAll();
    await feed.goOn(2, 0);
    feed.send(...a);
    assert.deepEqual(await takeTexts(feed.consumer, 1), ['the first message']);
  });

  test('a rest whose beginning nobody has is acknowledged once it is older than the time to wait', async (t) => {
    const feed = await Feed.open(t, { expireTimeOfIncompleteChunkedMessageMs: 1000 });
    const old = { publishTime: Date.now() - 2000 };
    feed.send(...chunksOf('a', Buffer.from('old message'), 2, old).slice(1), undefined);
    assert.deepEqual(await takeTexts(feed.consumer, 1), ['e1']);
    await feed.isAcknowledged(0);
  });

  test('an incomplete message is given up in time, and acknowledged', async (t) => {
    const feed = await Feed.open(t, { expireTimeOfIncompleteChunkedMessageMs: 20 });
    feed.send(a[0], a[1], undefined);
    assert.deepEqual(await takeTexts(feed.consumer, 1), ['e2']);
    await feed.isAcknowledged(0, 1);
  });

  for (const autoAckOldestChunkedMessageOnQueueFull of [false, true]) {
    test(`too many: the oldest is given up (acknowledged: ${autoAckOldestChunkedMessageOnQueueFull})`, async (t) => {
      const feed = await Feed.open(t, { maxPendingChunkedMessage: 1, autoAckOldestChunkedMessageOnQueueFull });
      feed.send(a[0], b[0], a[1], b[1], b[2]);
      const [message] = await take(feed.consumer, 1);
      assert.equal(message && textOf(message), 'the second one');
      await feed.consumer.acknowledge(message as NonNullable<typeof message>);
      await feed.isAcknowledged(...(autoAckOldestChunkedMessageOnQueueFull ? [0, 1, 3, 4] : [1, 3, 4]));
    });
  }

  test('too many, long after they were published: the rest of the oldest is kept too, so that it comes again whole', async (t) => {
    const feed = await Feed.open(t, { maxPendingChunkedMessage: 1 });
    const old = { publishTime: Date.now() - 3_600_000 };
    const [first, second] = ['a', 'b'].map((uuid) => chunksOf(uuid, Buffer.from(`message ${uuid}`), 2, old));
    feed.send(first?.[0], second?.[0], first?.[1], second?.[1]);
    const [message] = await take(feed.consumer, 1);
    await feed.consumer.acknowledge(message as NonNullable<typeof message>);
    await feed.isAcknowledged(1, 3);
  });

  test('too large together: the oldest is given up', async (t) => {
    const feed = await Feed.open(t, { maxPendingChunkedMessageBytes: 14 });
    feed.send(a[0], a[1], b[0], a[2], b[1], b[2]);
    assert.deepEqual(await takeTexts(feed.consumer, 1), ['the second one']);
  });

  test('malformed: a message that says so, and can be acknowledged', async (t) => {
    const feed = await Feed.open(t);
    const wrongTotal = chunksOf('w', Buffer.from('wrong'), 2, { totalChunkMsgSize: 99 });
    feed.send({ payload: Buffer.from('x'), metadata: { uuid: 'x', numChunksFromMsg: 2, chunkId: 7 } }, ...wrongTotal);
    for (const message of await take(feed.consumer, 2)) {
      assert.throws(() => message.getData(), pulsarError('InvalidMessage'));
      await feed.consumer.acknowledge(message);
    }
    await feed.isAcknowledged(0, 1, 2);
  });

  test('cumulatively: what others still need of the entries before is not acknowledged', async (t) => {
    const feed = await Feed.open(t);
    feed.send(undefined, a[0], a[1], undefined, a[2], undefined);
    const [, before, message, last] = await take(feed.consumer, 4);
    await feed.consumer.acknowledgeCumulative(before as NonNullable<typeof before>);
    await eventually(() => feed.acknowledged(ackType.cumulative).length === 1 || undefined, 'an acknowledgement');
    assert.deepEqual(feed.acknowledged(ackType.cumulative), [0]);
    await feed.consumer.acknowledgeCumulative(message as NonNullable<typeof message>);
    await feed.consumer.acknowledgeCumulative(last as NonNullable<typeof last>);
    await eventually(() => feed.acknowledged(ackType.cumulative).at(-1) === 5 || undefined, 'the last acknowledgement');
    assert.deepEqual(feed.acknowledged(ackType.cumulative), [0, 4, 5]);
  });

  test('negatively: all chunks are asked for again', async (t) => {
    const feed = await Feed.open(t, { subscriptionType: 'Shared', nAckRedeliverTimeoutMs: 10 });
    feed.send(a[0], undefined, a[1], a[2]);
    const messages = await take(feed.consumer, 2);
    feed.consumer.negativeAcknowledge(messages[1] as (typeof messages)[1] & object);
    const { command } = await feed.topic.broker.hear('redeliverUnacknowledgedMessages');
    assert.deepEqual(
      (command.messageIds ?? []).map(({ entryId }) => Number(entryId)),
      [0, 2, 3],
    );
  });

  test('permits come back for each chunk: a message of more chunks than the queue holds arrives', async (t) => {
    const feed = await Feed.open(t, { receiverQueueSize: 1 });
    const many = chunksOf('m', Buffer.alloc(1000, 'x'), 50);
    const received = take(feed.consumer, 1);
    const granted = (): number =>
      feed.topic.broker.heard('flow').reduce((sum, { command }) => sum + command.messagePermits, 0);
    for (const [index, chunk] of many.entries()) {
      await eventually(() => granted() > index || undefined, `a permit for chunk ${index}`);
      feed.send(chunk);
    }
    assert.equal((await received)[0]?.getData().length, 1000);
  });
});
