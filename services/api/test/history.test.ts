import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { historyRemoveMarker, markerProperty, MemoryBroker, MemoryBus } from '@pharos/bus';
import { MemoryHistory, type NewEntry } from '@pharos/history';
import { startApi, type TestApi } from './support/api.ts';

const topic = 'persistent://public/default/kept';
const channel = 'kept:a';
const limits = { size: 100, ttlMs: 3_600_000, metaTtlMs: 3_600_000 };

interface Page {
  readonly publications: { readonly data: unknown; readonly offset: number }[];
  readonly offset: number;
  readonly epoch: string;
}

/** An API whose store is filled from the lane of the channel when `fill` is called, as the service history does it. */
async function start(t: TestContext): Promise<{ api: TestApi; fill: () => Promise<void>; history: MemoryHistory }> {
  const broker = new MemoryBroker();
  const history = new MemoryHistory();
  const api = await startApi(t, { broker, history, env: { PHAROS_HTTP_API_READ_TIMEOUT: '200ms' } });
  const log = await new MemoryBus(broker).openLog({ topic, lanes: 4 });
  const lane = log.laneOf(channel);
  const id = { log: log.topic, epoch: log.epoch, lane };
  const entries: NewEntry[] = [];
  let watermark = 0;
  await history.rebuild(id, 0, undefined);
  await log.attach(
    lane,
    {
      entry(entry) {
        const cursor = entry.publications();
        while (cursor.next()) {
          const properties = new Map(cursor.properties());
          const data = Buffer.from(cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd));
          const { offset } = cursor;
          if (properties.get(markerProperty) === historyRemoveMarker)
            entries.push({ kind: 'remove', channel: cursor.channel(), offset });
          else
            entries.push({
              kind: 'publication',
              channel: cursor.channel(),
              limits,
              offset,
              timeMs: Date.now(),
              data,
              properties,
            });
        }
      },
    },
    { at: 'earliest' },
  );
  const fill = async (): Promise<void> => {
    const next = entries.at(-1)?.offset ?? 0;
    await history.append(id, { previous: watermark, watermark: next, entries });
    watermark = next;
  };
  return { api, fill, history };
}

async function page(api: TestApi, body: object): Promise<Page> {
  return (await api.result('history', { channel, ...body })) as unknown as Page;
}

describe('history', () => {
  test('all, pages both ways, the position alone, and what does not exist any more', async (t) => {
    const { api, fill } = await start(t);
    for (let n = 1; n <= 5; n++) await api.result('publish', { channel, data: n, tags: { n: String(n) } });
    await fill();
    const data = ({ publications }: Page): unknown[] => publications.map((one) => one.data);
    const all = await page(api, { limit: -1 });
    assert.deepEqual(data(all), [1, 2, 3, 4, 5]);
    assert.equal(all.offset, 5);
    assert.deepEqual(data(await page(api, { limit: 2 })), [1, 2]);
    assert.equal((await page(api, { limit: 2 })).offset, 2);
    const since = { offset: 2, epoch: all.epoch };
    assert.deepEqual(data(await page(api, { limit: 2, since })), [3, 4]);
    assert.deepEqual(data(await page(api, { limit: -1, since, reverse: true })), [1]);
    assert.deepEqual(data(await page(api, { limit: 2, reverse: true })), [5, 4]);
    assert.deepEqual(await page(api, {}), { publications: [], offset: 5, epoch: all.epoch });
    assert.equal(await api.errorOf('history', { channel, limit: 1, since: { offset: 1, epoch: 'other.4' } }), 112);
    assert.equal(await api.errorOf('history', { channel, limit: -2 }), 107);
    assert.equal(await api.errorOf('history', { channel: 'plain:a', limit: 1 }), 108);
  });

  test('what was removed is gone', async (t) => {
    const { api, fill } = await start(t);
    await api.result('publish', { channel, data: 0 });
    await api.result('publish', { channel, data: 1 });
    assert.deepEqual(await api.result('history_remove', { channel }), {});
    await api.result('publish', { channel, data: 2 });
    await fill();
    const { publications, epoch } = await page(api, { limit: -1 });
    assert.deepEqual(
      publications.map(({ data }) => data),
      [2],
    );
    assert.equal(await api.errorOf('history', { channel, limit: -1, since: { offset: 1, epoch } }), 112);
  });

  test('a store that does not have yet what was published is waited for, and not taken for all there is', async (t) => {
    const { api, fill } = await start(t);
    await api.result('publish', { channel, data: 1 });
    assert.equal(await api.errorOf('history', { channel, limit: -1 }), 100);
    const [answer] = await Promise.all([page(api, { limit: -1 }), fill()]);
    assert.equal(answer.publications.length, 1);
  });
});
