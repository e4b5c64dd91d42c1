import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { MemoryHistory } from '@pharos/history';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { EdgeMetrics } from '../src/metrics.ts';
import { LaneStore } from '../src/outbound/lane-store.ts';
import { olderPage } from '../src/outbound/older-pages.ts';

const lane = { log: 'persistent://public/default/chat', epoch: 'e.1', lane: 0 };
const limits = { maxPublications: 10, maxAgeMs: 60_000 };

describe('a store that has nothing of a lane', () => {
  test('is given a minute to have it; only then a position is given up', async () => {
    let nowMs = 0;
    const store = new MemoryHistory();
    const metrics = new EdgeMetrics(new Metrics(createRegistry({ processMetrics: false })));
    const logger = createLogger({ name: 'edge', level: 'silent' });
    const laneStore = new LaneStore(() => lane, { store, logger, metrics, now: () => nowMs });
    const askAt = async (seconds: number): Promise<unknown> => {
      nowMs = seconds * 1_000;
      return laneStore.older('a', 5, limits, 1_000);
    };
    const putOff = { unbuilt: true };
    const givenUp = { unrecoverable: 'history' };
    for (const seconds of [0, 20, 40, 60]) assert.deepEqual(await askAt(seconds), putOff);
    assert.deepEqual([await askAt(61), await askAt(100)], [givenUp, givenUp]);
    // Hours later it may have been there, and lost again.
    for (const seconds of [9_000, 9_040]) assert.deepEqual(await askAt(seconds), putOff);
    await store.rebuild(lane, 3, undefined);
    const { epoch } = lane;
    assert.deepEqual(await askAt(9_070), { tier: 'store', epoch, through: 3, publications: [] });
    laneStore.close();
  });

  test('or of a namespace that is to have history from now on; what others have in the lane goes on', async () => {
    let nowMs = 0;
    const store = new MemoryHistory();
    const metrics = new EdgeMetrics(new Metrics(createRegistry({ processMetrics: false })));
    const logger = createLogger({ name: 'edge', level: 'silent' });
    const laneStore = new LaneStore(() => lane, { store, logger, metrics, now: () => nowMs });
    await store.rebuild(lane, 0, undefined, ['old']);
    await store.append(lane, { previous: 0, watermark: 9, entries: [] });
    const ask = (channel: string): Promise<unknown> => laneStore.older(channel, 5, limits, 1_000);
    const has = { tier: 'store', epoch: lane.epoch, through: 9, publications: [] };
    const wanted = { since: 5, limit: 10, ringBegin: 9 };
    const page = (): Promise<unknown> => laneStore.page('new:a', wanted, false, { size: 9, ttlMs: 9_000 }, Infinity);
    assert.deepEqual([await ask('old:a'), await ask('new:a'), await page()], [has, { unbuilt: true }, undefined]);
    nowMs = 30_000;
    assert.equal(await laneStore.has(9, 5_000), true);
    assert.deepEqual([await ask('old:a'), await ask('new:a')], [has, { unbuilt: true }]);
    nowMs = 61_000;
    assert.deepEqual([await ask('old:a'), await ask('new:a')], [has, { unrecoverable: 'history' }]);
    laneStore.close();
  });
});

test('a store that may lack a removal of what it would show is waited for, also by who asks for older pages only', async () => {
  const store = new MemoryHistory();
  const metrics = new EdgeMetrics(new Metrics(createRegistry({ processMetrics: false })));
  const laneStore = new LaneStore(() => lane, {
    store,
    logger: createLogger({ name: 'edge', level: 'silent' }),
    metrics,
  });
  const kept = { size: 9, ttlMs: 60_000 };
  const rest = { timeMs: Date.now(), data: Buffer.from('0'), properties: new Map<string, string>() };
  const publication = {
    kind: 'publication',
    channel: 'a',
    offset: 4,
    limits: { ...kept, metaTtlMs: 60_000 },
    ...rest,
  } as const;
  await store.rebuild(lane, 0, undefined);
  await store.append(lane, { previous: 0, watermark: 4, entries: [publication] });
  const channel = { name: 'a', key: Buffer.from('a'), keyHash: javaStringHash('a') };
  const ask = (asOf: number): ReturnType<typeof olderPage> => {
    const wanted = { since: 5, limit: 1, ringBegin: 6 };
    const query = { epoch: lane.epoch, channel, wanted, asOf, reverse: true, limits: kept, deadlineAt: Infinity };
    return olderPage(query, laneStore, undefined);
  };
  assert.equal((await ask(4))?.publications.length, 1);
  assert.equal(await ask(6), undefined);
  await store.append(lane, { previous: 4, watermark: 6, entries: [{ kind: 'remove', channel: 'a', offset: 5 }] });
  assert.deepEqual((await ask(6))?.publications, []);
  laneStore.close();
});
