import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { historyRemoveMarker, markerProperty, MemoryBroker, MemoryBus, skipHistoryProperty } from '@pharos/bus';
import { LivingLog } from '@pharos/channels';
import { Deferred } from '@pharos/lifecycle';
import { createRegistry, Metrics } from '@pharos/telemetry';
import fc from 'fast-check';
import { EdgeMetrics } from '../src/metrics.ts';
import type { RingChannel } from '../src/outbound/lane-ring.ts';
import { GateFull } from '../src/outbound/gate.ts';
import { LaneReplay } from '../src/outbound/replay/lane-replay.ts';
import { logPage, logPageBackward } from '../src/outbound/replay/log-pages.ts';
import { replayLimits, ReplayReaders } from '../src/outbound/replay/replay-readers.ts';
import { FaultyBus } from './support/faulty-bus.ts';

const topic = 'persistent://public/default/chat';
const channel: RingChannel = { name: 'a', key: Buffer.from('a'), keyHash: javaStringHash('a') };

type Kind = 'publication' | 'skipped' | 'removal' | 'other';

const properties: Readonly<Record<Kind, Record<string, string>>> = {
  publication: {},
  other: {},
  skipped: { [skipHistoryProperty]: '' },
  removal: { [markerProperty]: historyRemoveMarker },
};

interface Past {
  readonly log: LivingLog;
  readonly bus: FaultyBus;
  readonly broker: MemoryBroker;
  /** By offset, from 1. */
  readonly kinds: readonly Kind[];
}

/** A log that was filled over time, a minute between entries. */
async function past(t: TestContext | undefined, entries: readonly (readonly Kind[])[]): Promise<Past> {
  let nowMs = Date.now() - entries.length * 60_000;
  const broker = new MemoryBroker({ now: () => nowMs });
  const bus = new FaultyBus(new MemoryBus(broker));
  const log = await LivingLog.open(bus, { topic });
  for (const entry of entries) {
    const append = (kind: Kind): Promise<unknown> =>
      log.append(
        { channel: kind === 'other' ? 'b' : 'a', data: Buffer.from(kind), properties: properties[kind] },
        1_000,
      );
    await Promise.all(entry.map(append));
    nowMs += 60_000;
  }
  t?.after(() => bus.close());
  return { log, bus, broker, kinds: entries.flat() };
}

function readers(limits: Partial<ConstructorParameters<typeof ReplayReaders>[0]> = {}): ReplayReaders {
  const metrics = new EdgeMetrics(new Metrics(createRegistry({ processMetrics: false })));
  return new ReplayReaders({ ...replayLimits, maxReaders: 2, cacheBytes: 1_000_000, ...limits }, metrics);
}

const soon = (): number => performance.now() + 10_000;

function alive(kinds: readonly Kind[], through: number): number[] {
  let offsets: number[] = [];
  kinds.slice(0, through).forEach((kind, index) => {
    if (kind === 'publication') offsets.push(index + 1);
    if (kind === 'removal') offsets = [];
  });
  return offsets;
}

describe('history from the log itself', () => {
  test('has all that a channel had, both ways, page by page, whatever the readers may read at a time', async () => {
    const kind = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Kind>('publication', 'other') },
      { weight: 1, arbitrary: fc.constantFrom<Kind>('removal', 'skipped') },
    );
    const property = fc.asyncProperty(
      fc.array(fc.array(kind, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 }),
      fc.record({
        limit: fc.integer({ min: 1, max: 7 }),
        stretchBytes: fc.constantFrom(1, 200, 1_000_000),
        maxSkip: fc.constantFrom(0, 5, 1_000),
        cacheBytes: fc.constantFrom(20_000, 1_000_000),
        reverse: fc.boolean(),
      }),
      async (entries, { limit, reverse, ...limits }) => {
        const { log, bus, kinds } = await past(undefined, entries);
        const until = kinds.length;
        // The store knows of every removal that there is.
        const removedThrough = kinds.lastIndexOf('removal') + 1;
        const replay = new LaneReplay(log, 0, readers(limits));
        const found: number[] = [];
        let since: number | undefined;
        for (let turn = 0; turn <= 4 * until; turn++) {
          const wanted = { since, limit, ringBegin: until };
          const query = { epoch: log.epoch, wanted, removedThrough, deadlineAt: soon() };
          const page = await (reverse ? logPageBackward : logPage)(replay, channel, query);
          assert.ok(page.publications.length <= limit && page.missingThrough === 0);
          found.push(...page.publications.map(({ offset }) => offset));
          if (!page.more) break;
          since = page.resumeAt;
        }
        const expected = alive(kinds, until);
        assert.deepEqual(found, reverse ? expected.reverse() : expected);
        replay.forget();
        await bus.close();
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  test('is read once for all that ask for the same at once', async (t) => {
    const { log, bus } = await past(
      t,
      Array.from({ length: 50 }, () => ['publication', 'other'] as const),
    );
    const replay = new LaneReplay(log, 0, readers());
    const ask = (): Promise<{ publications: readonly unknown[] }> => {
      const wanted = { since: 10, limit: 5, ringBegin: 100 };
      return logPage(replay, channel, { epoch: log.epoch, wanted, removedThrough: 0, deadlineAt: soon() });
    };
    const before = bus.attaches.arrived;
    const pages = await Promise.all(Array.from({ length: 100 }, ask));
    assert.ok(pages.every(({ publications }) => publications.length === 5));
    const first = bus.attaches.arrived - before;
    await ask();
    assert.deepEqual([first <= 16, bus.attaches.arrived - before - first], [true, 0]);
  });

  test('is read by a bounded number of readers; who finds too many waiting is told', async () => {
    const all = readers({ maxReaders: 1, maxWaiting: 1 });
    let running = 0;
    const gate = new Deferred<void>();
    const work = async (): Promise<void> => {
      assert.equal(++running, 1);
      await gate.promise;
      running--;
    };
    const [one, two] = [all.run(soon(), work), all.run(soon(), work)];
    await assert.rejects(all.run(soon(), work), GateFull);
    gate.resolve();
    await Promise.all([one, two]);
    await all.run(soon(), work);
  });

  test('says where it begins, where retention has taken what was before', async (t) => {
    const { log, broker } = await past(t, [['publication'], ['publication'], ['publication']]);
    broker.trim(topic, 0);
    await log.append({ channel: 'a', data: Buffer.from('4') }, 1_000);
    const replay = new LaneReplay(log, 0, readers());
    const ask = async (since: number | undefined): Promise<[number[], number]> => {
      const wanted = { since, limit: 5, ringBegin: 4 };
      const page = await logPage(replay, channel, { epoch: log.epoch, wanted, removedThrough: 0, deadlineAt: soon() });
      return [page.publications.map(({ offset }) => offset), page.missingThrough];
    };
    assert.deepEqual(await ask(undefined), [[4], 3]);
    assert.deepEqual(await ask(1), [[4], 3]);
  });
});
