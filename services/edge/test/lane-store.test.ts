import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryHistory } from '@pharos/history';
import { createLogger, createRegistry, Metrics } from '@pharos/telemetry';
import { EdgeMetrics } from '../src/metrics.ts';
import { LaneStore } from '../src/outbound/lane-store.ts';

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
});
