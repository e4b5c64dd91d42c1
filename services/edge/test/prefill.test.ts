import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { LivingLog } from '@pharos/channels';
import { LaneFeed } from '../src/outbound/lane-feed.ts';
import { testOutbound, type TestOutbound } from './support/feeds.ts';

const topic = 'persistent://public/default/chat';
const waitMs = 5_000;
const limits = {
  encoding: 'json' as const,
  maxPublications: 1_000,
  maxAgeMs: 60_000,
  maxBytes: 1_000_000,
  roomBytes: 1_000_000,
};

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface PrefilledFeed extends TestOutbound {
  readonly feed: LaneFeed;
  readonly log: LivingLog;
}

/** A feed with a ring, which reads one entry a turn. */
async function ringedFeed(t: TestContext, broker: MemoryBroker): Promise<PrefilledFeed> {
  const outbound = testOutbound(t);
  const bus = new MemoryBus(broker, { turnBytes: 1 });
  const log = await LivingLog.open(bus, { topic });
  outbound.rings.run(new Set([log]));
  const feed = new LaneFeed(log, 0, outbound);
  t.after(async () => {
    await feed.close();
    await bus.close();
  });
  return { ...outbound, feed, log };
}

async function fill(broker: MemoryBroker, data: string, entries: number): Promise<void> {
  for (let entry = 0; entry < entries; entry++) await broker.inject(topic, 0, { key: 'a', data: Buffer.from(data) });
}

describe('a lane whose newest entries are read before it is followed', () => {
  test('and that ends meanwhile: nothing of its former life is handed to who resumes in the next', async (t) => {
    const broker = new MemoryBroker();
    const { feed, log, rings } = await ringedFeed(t, broker);
    await fill(broker, '"old"', 20);
    const ready = feed.ready(waitMs);
    while (rings.bytes === 0) await settle();
    broker.deleteLog(topic);
    broker.topic(topic);
    await fill(broker, '"new"', 3);
    await ready;
    // Ready it is with what was there as it looked.
    while (feed.head < 3) await settle();
    const recovery = feed.recover('a', { offset: 0, epoch: log.epoch }, limits);
    assert.ok(recovery.kind === 'recovered');
    assert.deepEqual(
      recovery.publications.map(({ data, offset }) => [String(data), offset]),
      [1, 2, 3].map((offset) => ['"new"', offset]),
    );
  });

  test('is let go at once where its feed is closed meanwhile', async (t) => {
    const broker = new MemoryBroker();
    const { feed, rings } = await ringedFeed(t, broker);
    await fill(broker, '1', 1_000);
    const inVain = assert.rejects(feed.ready(waitMs), { code: 'closed' });
    while (rings.bytes === 0) await settle();
    await feed.close();
    await inVain;
    assert.equal(rings.bytes, 0);
    for (let turn = 0; turn < 5; turn++) await settle();
    assert.equal(rings.bytes, 0);
  });
});
