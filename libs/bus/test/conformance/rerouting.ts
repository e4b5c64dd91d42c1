import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneRerouter, Log } from '@pharos/bus';
import { append, appendDeadlineMs, type BusUnderTest, Collector, texts } from './harness.ts';

/** Bringing messages from a wrong lane into their right ones. */
export function reroutingTests(adapter: () => BusUnderTest): void {
  const open = async (hint: string): Promise<{ topic: string; log: Log; channel: string; from: number }> => {
    const topic = adapter().uniqueTopic(hint);
    const log = await (await adapter().newBus()).openLog({ topic, lanes: 2 });
    return { topic, log, channel: 'chat', from: 1 - log.laneOf('chat') };
  };
  const bring = (rerouter: LaneRerouter, offset: number, channel: string): Promise<void> =>
    rerouter.append(offset, { channel, data: Buffer.from(`m${offset}`), properties: { a: 'b' } }, appendDeadlineMs);

  test('a message comes into the lane of its channel, as any publication', async () => {
    const { log, channel, from } = await open('bring');
    const collector = new Collector();
    await log.attach(log.laneOf(channel), collector, { at: 'earliest' });
    const rerouter = log.rerouter(from);
    await bring(rerouter, 7, channel);
    await collector.untilCount(1);
    const [seen] = collector.publications;
    assert.deepEqual(
      { channel: seen?.channel, text: seen?.text, properties: seen?.properties, routed: seen?.routed },
      { channel, text: 'm7', properties: { a: 'b' }, routed: true },
    );
    await rerouter.close();
    await assert.rejects(bring(rerouter, 8, channel), { code: 'closed' });
  });

  test('what is brought again, by the same or by another after it, is there once and in order', async () => {
    const { topic, log, channel, from } = await open('again');
    const collector = new Collector();
    await log.attach(log.laneOf(channel), collector, { at: 'earliest' });
    const first = log.rerouter(from);
    await Promise.all([3, 5, 6].map((offset) => bring(first, offset, channel)));
    await Promise.all([5, 6, 9].map((offset) => bring(first, offset, channel)));
    await first.close();
    const other = await (await adapter().newBus()).openLog({ topic });
    const second = other.rerouter(from);
    await Promise.all([3, 5, 6, 9, 12].map((offset) => bring(second, offset, channel)));
    await append(log, channel, 'end');
    await collector.until(() => collector.texts.at(-1) === 'end', 'the end');
    assert.deepEqual(collector.texts, ['m3', 'm5', 'm6', 'm9', 'm12', 'end']);
  });

  test('a second one of the same lane goes on when the first is gone', async () => {
    const { topic, log, channel, from } = await open('second');
    const collector = new Collector();
    await log.attach(log.laneOf(channel), collector, { at: 'earliest' });
    const bus = await adapter().newBus();
    const first = (await bus.openLog({ topic })).rerouter(from);
    await bring(first, 1, channel);
    const second = log.rerouter(from);
    const waits = bring(second, 2, channel);
    await bus.close();
    await waits;
    await collector.untilCount(2);
    assert.deepEqual(collector.texts, texts('m', 3).slice(1));
  });

  test('several bring into one lane without being taken for each other', async () => {
    const topic = adapter().uniqueTopic('several');
    const log = await (await adapter().newBus()).openLog({ topic, lanes: 3 });
    const lane = log.laneOf('chat');
    const collector = new Collector();
    await log.attach(lane, collector, { at: 'earliest' });
    const others = [0, 1, 2].filter((other) => other !== lane);
    for (const other of others) await bring(log.rerouter(other), 5, 'chat');
    await collector.untilCount(2);
    assert.deepEqual(collector.texts, ['m5', 'm5']);
  });
}
