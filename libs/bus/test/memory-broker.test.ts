import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { append, Collector, next, texts } from './conformance/harness.ts';

describe('memory broker', () => {
  test('offsets that the broker leaves out are a hole of its making', async () => {
    const broker = new MemoryBroker();
    const log = await new MemoryBus(broker).openLog({ topic: 'skip' });
    const collector = new Collector();
    await log.attach(0, collector);
    await append(log, 'chat', 'one');
    broker.skipOffsets('skip', 0, 3);
    await append(log, 'chat', 'two');
    await collector.untilCount(2);
    assert.deepEqual(collector.holes, [{ from: 2, to: 4, kind: 'broker' }]);
    assert.deepEqual(
      collector.publications.map((seen) => seen.offset),
      [1, 5],
    );
  });

  test('what retention takes from under a tail is lost, and said', async () => {
    const broker = new MemoryBroker({ retentionBytes: 100_000 });
    const log = await new MemoryBus(broker, { turnBytes: 1 }).openLog({ topic: 'trimmed' });
    const collector = new Collector();
    await log.attach(0, collector);
    await append(log, 'chat', 'one');
    await collector.untilCount(1);
    broker.setConnected(false);
    await collector.until(() => collector.connections.length === 1, 'the connection to be lost');
    const appended = texts('m', 600).map((text) => append(log, 'chat', text.padEnd(1000)));
    broker.setConnected(true);
    await Promise.all(appended);
    await collector.until(() => collector.seen.at(-1)?.offset === 601, 'the last one');
    const [hole] = collector.holes;
    assert.equal(hole?.kind, 'lost');
    assert.equal(hole.from, 2);
    assert.equal(collector.publications[1]?.offset, hole.to + 1);
    assert.equal(collector.publications.length, 601 - (hole.to - 1));
  });

  test('a position that is trimmed, or not there yet, can’t be followed from', async () => {
    const broker = new MemoryBroker();
    const log = await new MemoryBus(broker).openLog({ topic: 'gone' });
    for (const text of texts('m', 5)) await append(log, 'chat', text);
    broker.trim('gone', 0);
    const attach = (offset: number): Promise<unknown> =>
      log.attach(0, new Collector(), { at: 'after', position: String(offset), offset });
    await assert.rejects(attach(4), { code: 'position-gone' });
    await assert.rejects(attach(6), { code: 'position-gone' });
    await attach(5);
  });

  test('entries past their age are gone', async () => {
    let now = 1000;
    const broker = new MemoryBroker({ retentionMs: 100, now: () => now });
    const log = await new MemoryBus(broker).openLog({ topic: 'aged' });
    await append(log, 'chat', 'old');
    now += 101;
    const nothing = new Collector();
    const tail = await log.attach(0, nothing, { at: 'earliest' });
    assert.equal(tail.head, 1);
    await append(log, 'chat', 'new');
    await nothing.untilCount(1);
    assert.deepEqual(nothing.texts, ['new']);
  });

  test('deleting a log ends its tails and work, and gives the next one another epoch', async () => {
    const broker = new MemoryBroker();
    const bus = new MemoryBus(broker);
    const log = await bus.openLog({ topic: 'deleted' });
    const collector = new Collector();
    const tail = await log.attach(0, collector);
    const work = await bus.subscribeWork({ topic: 'deleted', subscription: 'w', type: 'shared' });
    const receiving = assert.rejects(next(work), { code: 'log-ended' });
    broker.deleteLog('deleted');
    await collector.until(() => collector.endings.length === 1, 'the end');
    await receiving;
    assert.equal(tail.connected, false);
    await assert.rejects(append(log, 'chat', 'late'), { code: 'log-ended' });
    const again = await bus.openLog({ topic: 'deleted' });
    assert.notEqual(again.epoch, log.epoch);
  });

  test('a disconnected broker opens nothing', async () => {
    const broker = new MemoryBroker();
    const bus = new MemoryBus(broker);
    const log = await bus.openLog({ topic: 'known' });
    broker.setConnected(false);
    await assert.rejects(bus.openLog({ topic: 'other' }), { code: 'unreachable' });
    await assert.rejects(log.attach(0, new Collector()), { code: 'unreachable' });
  });
});
