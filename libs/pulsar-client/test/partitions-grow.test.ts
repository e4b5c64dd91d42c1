// The number of a topic's partitions changes, at a broker that does not always play along.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Collector, eventually } from '@pharos/testkit';
import { partitionedMetadataResult, serverError } from '../src/wire/index.ts';
import { takeTexts } from './support/consuming.ts';
import { ScriptedTopic, sendEntry } from './support/entries.ts';
import { pulsarError, startScripted } from './support/producers.ts';
import type { Heard } from './support/scripted-broker.ts';

const timeout = 20_000;
const ignore = (): void => undefined;

/** A topic of two partitions, of which there may be more or fewer later. */
class Growing {
  partitions = 2;
  readonly topic: ScriptedTopic;
  readonly warned: Collector<string>;

  private constructor(topic: ScriptedTopic, warned: Collector<string>) {
    this.topic = topic;
    this.warned = warned;
    topic.broker.on('partitionedMetadata', ({ command: { requestId }, peer }) => {
      const { partitions } = this;
      const response = partitionedMetadataResult.success;
      peer.say({ type: 'partitionedMetadataResponse', command: { requestId, partitions, response } });
    });
  }

  static async start(t: Parameters<typeof startScripted>[0]): Promise<Growing> {
    const warned = new Collector<string>();
    const logger = { debug: ignore, info: ignore, error: ignore, warn: (_: unknown, text: string) => warned.add(text) };
    const { broker, client } = await startScripted(t, {}, { partitionsUpdateIntervalMs: 5, logger });
    return new Growing(new ScriptedTopic(broker, client), warned);
  }

  /** What was last said of one partition. */
  last<Name extends 'subscribe' | 'producer'>(name: Name, partition: number): Heard<Name> | undefined {
    const ofPartition = (heard: Heard<Name>): boolean => heard.command.topic.endsWith(`-partition-${partition}`);
    return this.topic.broker.heard(name).filter(ofPartition).at(-1);
  }
}

describe('partitions that come and go', { timeout }, () => {
  test('messages go to a new partition once its producer is there, and not before', async (t) => {
    const growing = await Growing.start(t);
    const { broker, client } = growing.topic;
    const chosenOf: number[] = [];
    const producer = await client.createProducer({
      topic: 'chat',
      batchingEnabled: false,
      messageRoutingMode: 'CustomPartition',
      messageRouter: (_, { numPartitions }) => {
        chosenOf.push(numPartitions);
        return numPartitions - 1;
      },
    });
    broker.on('producer', ignore);
    growing.partitions = 3;
    const asked = await eventually(() => growing.last('producer', 2), 'a producer of the new partition');
    assert.equal((await producer.send({ data: Buffer.from('a') })).partition, 1);
    broker.welcome(asked);
    await eventually(async () => {
      const { partition } = await producer.send({ data: Buffer.from('b') });
      return partition === 2 || undefined;
    }, 'the new partition');
    assert.deepEqual([chosenOf[0], chosenOf.at(-1)], [2, 3]);
  });

  test('a new partition that can not be had is tried again, and what is there goes on', async (t) => {
    const growing = await Growing.start(t);
    const { broker, client, welcome } = growing.topic;
    const consumer = await client.subscribe({ topic: 'chat', subscription: 's' });
    let refused = 0;
    broker.on('subscribe', (heard) => {
      if (refused++ >= 2) return welcome(heard);
      const { requestId } = heard.command;
      const error = serverError.AuthorizationError;
      heard.peer.say({ type: 'error', command: { requestId, error, message: 'not yet' } });
    });
    growing.partitions = 3;
    await eventually(() => growing.warned.items.length >= 2 || undefined, 'warnings');
    const subscribed = await eventually(
      () => (refused > 2 ? growing.last('subscribe', 2) : undefined),
      'the new partition',
    );
    assert.equal(subscribed.command.initialPosition, 1, 'from the earliest');
    await eventually(
      () =>
        broker.heard('flow').some(({ command }) => command.consumerId === subscribed.command.consumerId) || undefined,
      'permits',
    );
    sendEntry(subscribed, { entryId: 0, payload: Buffer.from('new') });
    assert.deepEqual(await takeTexts(consumer, 1), ['new']);
  });

  test('fewer partitions than before: it says so, and goes on with those that are there', async (t) => {
    const growing = await Growing.start(t);
    const consumer = await growing.topic.client.subscribe({ topic: 'chat', subscription: 's' });
    await growing.topic.broker.hear('flow', 2);
    growing.partitions = 1;
    await growing.warned.waitUntil((texts) => texts.some((text) => /fewer partitions/.test(text)), 'a warning');
    const one = growing.last('subscribe', 1);
    assert.ok(one);
    sendEntry(one, { entryId: 0 });
    assert.deepEqual(await takeTexts(consumer, 1), ['e0']);
  });

  test('a partition that the broker no longer has ends the consumer with that reason', async (t) => {
    const growing = await Growing.start(t);
    const { broker, client } = growing.topic;
    const consumer = await client.subscribe({ topic: 'chat', subscription: 's' });
    const waiting = assert.rejects(consumer.receive(), pulsarError('TopicNotFound'));
    growing.partitions = 0;
    broker.on('subscribe', ({ command: { requestId }, peer }) =>
      peer.say({ type: 'error', command: { requestId, error: serverError.TopicNotFound, message: 'gone' } }),
    );
    broker.cutAll();
    await waiting;
  });

  test('who was closed looks for partitions no more', async (t) => {
    const growing = await Growing.start(t);
    const { broker, client } = growing.topic;
    const producer = await client.createProducer({ topic: 'chat' });
    const consumer = await client.subscribe({ topic: 'chat', subscription: 's' });
    await broker.hear('partitionedMetadata', 4);
    await Promise.all([producer.close(), consumer.close()]);
    growing.partitions = 3;
    const looked = broker.heard('partitionedMetadata').length;
    await client.getPartitionsForTopic('chat');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await client.getPartitionsForTopic('chat');
    assert.ok(broker.heard('partitionedMetadata').length <= looked + 4, 'it goes on looking');
    assert.equal(growing.last('subscribe', 2) ?? growing.last('producer', 2), undefined);
  });
});
