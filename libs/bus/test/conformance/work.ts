import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkMessage, WorkSubscription } from '@pharos/bus';
import { append, type BusUnderTest, Collector, next, texts } from './harness.ts';

/** Durable work subscriptions. */
export function workTests(adapter: () => BusUnderTest): void {
  const take = async (subscription: WorkSubscription, count: number): Promise<WorkMessage[]> => {
    const messages: WorkMessage[] = [];
    while (messages.length < count) messages.push(await next(subscription));
    return messages;
  };
  const text = (message: WorkMessage): string => message.data.toString();

  test('a new subscription begins with the oldest message, and gives what a tail gives', async () => {
    const topic = adapter().uniqueTopic('work');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    const collector = new Collector();
    await log.attach(0, collector, { at: 'earliest' });
    await append(log, 'Grüße', 'one', { user: 'u' });
    await append(log, 'chat', 'two');
    await collector.untilCount(2);
    const work = await bus.subscribeWork({ topic, subscription: 'w', type: 'failover' });
    const got: WorkMessage[] = [];
    while (got.length < 2)
      got.push(...[await next(work)].filter((message) => !message.properties.has('pharos-marker')));
    assert.deepEqual(
      got.map((message) => ({
        offset: message.offset,
        position: message.position,
        channel: message.key,
        text: text(message),
        properties: Object.fromEntries(message.properties),
        lane: message.lane,
      })),
      collector.publications.map(({ offset, position, channel, text: body, properties }) => ({
        offset,
        position,
        channel,
        text: body,
        properties,
        lane: 0,
      })),
    );
    assert.equal(got[0]?.redeliveryCount, 0);
  });

  test('a subscription that begins with the latest gives only what comes', async () => {
    const topic = adapter().uniqueTopic('latest');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    await append(log, 'chat', 'old');
    const work = await bus.subscribeWork({ topic, subscription: 'w', type: 'shared', startAt: 'latest' });
    await append(log, 'chat', 'new');
    assert.equal(text(await next(work)), 'new');
  });

  test('what was acknowledged stays done over a restart, what was not comes again, in order', async () => {
    const topic = adapter().uniqueTopic('restart');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    const spec = { topic, subscription: 'w', type: 'failover' } as const;
    const first = await bus.subscribeWork(spec);
    for (const body of texts('m', 10)) await append(log, 'chat', body);
    const got = await take(first, 6);
    await first.ackThrough(got[3] as WorkMessage);
    await first.close();
    const second = await bus.subscribeWork(spec);
    assert.deepEqual((await take(second, 6)).map(text), texts('m', 10).slice(4));
    await second.close();
  });

  test('messages are acknowledged one by one', async () => {
    const topic = adapter().uniqueTopic('single');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    const spec = { topic, subscription: 'w', type: 'shared' } as const;
    const first = await bus.subscribeWork(spec);
    for (const body of texts('m', 4)) await append(log, 'chat', body);
    const got = await take(first, 4);
    for (const message of got) if (text(message) !== 'm2') await first.ack(message);
    await assert.rejects(first.ackThrough(got[0] as WorkMessage), { code: 'refused' });
    await first.close();
    const second = await bus.subscribeWork(spec);
    assert.equal(text(await next(second)), 'm2');
  });

  test('a message that was nacked comes again, counted', async () => {
    const topic = adapter().uniqueTopic('nack');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    const work = await bus.subscribeWork({ topic, subscription: 'w', type: 'shared' });
    for (const body of texts('m', 3)) await append(log, 'chat', body);
    const got = await take(work, 3);
    for (const message of got) {
      if (text(message) === 'm1') work.nack(message, 10);
      else await work.ack(message);
    }
    const again = await next(work);
    assert.equal(text(again), 'm1');
    assert.ok(again.redeliveryCount >= 1, `redelivery count ${again.redeliveryCount}`);
    await work.ack(again);
  });

  test('with failover one consumer has the lane, and another takes over in order when it goes', async () => {
    const topic = adapter().uniqueTopic('failover');
    const log = await (await adapter().newBus()).openLog({ topic });
    const buses = [await adapter().newBus(), await adapter().newBus()] as const;
    const consumers: WorkSubscription[] = [];
    for (const [index, bus] of buses.entries()) {
      consumers.push(
        await bus.subscribeWork({ topic, subscription: 'w', type: 'failover', consumerName: `c${index}` }),
      );
    }
    // Which of them has the lane is the broker's to say.
    const waiting = consumers.map(async (consumer, index) => ({ index, message: await next(consumer) }));
    for (const body of texts('m', 20)) await append(log, 'chat', body);
    const { index: active, message } = await Promise.race(waiting);
    const got = [message, ...(await take(consumers[active] as WorkSubscription, 11))];
    assert.deepEqual(got.map(text), texts('m', 12));
    await consumers[active]?.ackThrough(got[9] as WorkMessage);
    await buses[active]?.close();
    const standby = 1 - active;
    const first = await waiting[standby];
    assert.ok(first !== undefined);
    const rest = [first.message, ...(await take(consumers[standby] as WorkSubscription, 9))];
    assert.deepEqual(rest.map(text), texts('m', 20).slice(10));
  });

  test('a consumer of another type is refused while one is there', async () => {
    const topic = adapter().uniqueTopic('types');
    const bus = await adapter().newBus();
    await bus.openLog({ topic });
    await bus.subscribeWork({ topic, subscription: 'w', type: 'failover' });
    await assert.rejects(bus.subscribeWork({ topic, subscription: 'w', type: 'shared' }), {
      code: 'subscription-busy',
    });
  });

  test('lanes are all read, each in order', async () => {
    const topic = adapter().uniqueTopic('worklanes');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic, lanes: 3 });
    const work = await bus.subscribeWork({ topic, subscription: 'w', type: 'failover' });
    const channels = ['a', 'b', 'c', 'd'];
    await Promise.all(channels.flatMap((channel) => texts(channel, 10).map((body) => append(log, channel, body))));
    const got = await take(work, 40);
    for (const channel of channels) {
      const mine = got.filter((message) => message.key === channel);
      assert.deepEqual(mine.map(text), texts(channel, 10));
      assert.ok(mine.every((message) => message.lane === log.laneOf(channel)));
    }
  });

  test('a receive that waits is rejected by close', async () => {
    const topic = adapter().uniqueTopic('waiting');
    const bus = await adapter().newBus();
    await bus.openLog({ topic });
    const work = await bus.subscribeWork({ topic, subscription: 'w', type: 'shared' });
    const waiting = assert.rejects(work.receive(), { code: 'closed' });
    await work.close();
    await waiting;
    await assert.rejects(work.receive(), { code: 'closed' });
  });
}
