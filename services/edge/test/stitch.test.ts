import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { historyRemoveMarker, markerProperty, skipHistoryProperty } from '@pharos/bus';
import type { Publication } from '@pharos/client-protocol';
import { type LaneId, MemoryHistory, type NewEntry } from '@pharos/history';
import fc from 'fast-check';
import { historyPage, type OlderPage, type PageQuery } from '../src/outbound/history-page.ts';
import { recoverLatest } from '../src/outbound/latest-recovery.ts';
import { LaneRing, type RingChannel } from '../src/outbound/lane-ring.ts';
import { type Older, recover, type Recovery } from '../src/outbound/recovery.ts';
import { RingBudget } from '../src/outbound/ring-budget.ts';
import { fakeEntry, hashesOf } from './support/fakes.ts';

const lane: LaneId = { log: 'persistent://public/default/chat', epoch: 'e.1', lane: 0 };
const ttlMs = 60_000;
const channel: RingChannel = { name: 'a', key: Buffer.from('a'), keyHash: javaStringHash('a') };

type Kind = 'publication' | 'skipped' | 'removal' | 'other';
type Step =
  | { readonly publish: readonly Kind[] }
  | { readonly edge: number }
  | { readonly store: number }
  | { readonly evict: number };

const kind = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Kind>('publication', 'other') },
  { weight: 1, arbitrary: fc.constantFrom<Kind>('removal', 'skipped') },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ publish: fc.array(kind, { minLength: 1, maxLength: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ edge: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ store: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ evict: fc.integer({ min: 1, max: 4 }) }) },
);
const steps = fc.array(step, { maxLength: 60 });

const propertiesOf: Readonly<Record<Kind, Record<string, string> | undefined>> = {
  publication: undefined,
  other: undefined,
  skipped: { [skipHistoryProperty]: '' },
  removal: { [markerProperty]: historyRemoveMarker },
};

/** One lane as its log, its store and an edge have it, each as far as it got. */
class World {
  readonly size: number;
  readonly ring = new LaneRing({ maxBytes: 1e9, maxAgeMs: 1e9 }, new RingBudget(1e9));
  readonly store = new MemoryHistory();
  /** By offset, from 1. */
  readonly log: Kind[] = [];
  readonly #entries: { readonly first: number; readonly kinds: readonly Kind[] }[] = [];
  #atEdge = 0;
  #atStore = 0;
  head = 0;
  watermark = 0;

  constructor(size: number) {
    this.size = size;
    this.ring.restart(0);
  }

  async run(all: readonly Step[]): Promise<void> {
    await this.store.rebuild(lane, 0, undefined);
    await this.more(all);
  }

  async more(all: readonly Step[]): Promise<void> {
    for (const one of all) {
      if ('publish' in one) {
        this.#entries.push({ first: this.log.length + 1, kinds: one.publish });
        this.log.push(...one.publish);
      } else if ('edge' in one) for (let n = 0; n < one.edge; n++) this.#handOn();
      else if ('evict' in one) for (let n = 0; n < one.evict; n++) this.ring.dropOldest();
      else for (let n = 0; n < one.store; n++) await this.#write();
    }
  }

  /** What is left of the channel up to an offset: offsets, oldest first, and which were removed. */
  channel(through: number): { readonly alive: number[]; readonly removed: number[] } {
    let [alive, removed]: [number[], number[]] = [[], []];
    this.log.slice(0, through).forEach((one, index) => {
      if (one === 'publication') alive.push(index + 1);
      if (one === 'removal') [alive, removed] = [[], [...removed, ...alive]];
    });
    return { alive, removed };
  }

  #handOn(): void {
    const next = this.#entries[this.#atEdge];
    if (next === undefined) return;
    this.#atEdge++;
    const messages = next.kinds.map((one) => {
      const properties = propertiesOf[one];
      return { key: one === 'other' ? 'b' : 'a', ...(properties === undefined ? {} : { properties }) };
    });
    const entry = fakeEntry(messages, next.first, Date.now());
    this.ring.add(entry, hashesOf(entry), 0);
    this.head = next.first + next.kinds.length - 1;
  }

  async #write(): Promise<void> {
    const next = this.#entries[this.#atStore];
    if (next === undefined) return;
    this.#atStore++;
    const entries: NewEntry[] = [];
    next.kinds.forEach((one, index) => {
      const offset = next.first + index;
      if (one === 'removal') entries.push({ kind: 'remove', channel: 'a', offset });
      if (one === 'removal' || one === 'skipped') return;
      const limits = { size: this.size, ttlMs, metaTtlMs: ttlMs };
      const rest = { offset, timeMs: Date.now(), data: Buffer.from('0'), properties: new Map<string, string>() };
      entries.push({ kind: 'publication', channel: one === 'other' ? 'b' : 'a', limits, ...rest });
    });
    const watermark = next.first + next.kinds.length - 1;
    await this.store.append(lane, { previous: this.watermark, watermark, entries });
    this.watermark = watermark;
  }

  get position(): { readonly epoch: string; readonly head: number; readonly ring: LaneRing } {
    return { epoch: lane.epoch, head: this.head, ring: this.ring };
  }
}

const weights = { encoding: 'json' as const, maxBytes: 1e9, roomBytes: 1e9, stored: { size: 1, ttlMs } };

/** As an edge does it, but for the waiting: `undefined` where the store is behind. */
async function resume(world: World, offset: number): Promise<Recovery | undefined> {
  const limits = { maxPublications: world.size, maxAgeMs: ttlMs, ...weights };
  const position = { offset, epoch: lane.epoch };
  const first = recover(channel, position, world.position, limits);
  if (first.kind !== 'older') return first;
  const question = { channel: 'a', offset, limits: { size: world.size, ttlMs } };
  const [answer] = await world.store.recoverMany(lane, [question]);
  if (answer?.recovered !== true) return { kind: 'unrecoverable', reason: 'history' };
  const { watermark: through, publications } = answer;
  const older: Older = { tier: 'store', epoch: lane.epoch, through, publications };
  const second = recover(channel, position, world.position, limits, older);
  return second.kind === 'older' ? undefined : second;
}

async function older(
  world: World,
  wanted: { since: number | undefined; limit: number },
  reverse: boolean,
): Promise<OlderPage> {
  const { since, limit } = wanted;
  const limits = { size: world.size, ttlMs };
  const page = await world.store.history(lane, 'a', {
    limit,
    reverse,
    limits,
    ...(since === undefined ? {} : { since }),
  });
  assert.ok(page !== undefined);
  const { watermark: through, publications, missingThrough, next } = page;
  return {
    tier: 'store',
    epoch: lane.epoch,
    since,
    limit,
    through,
    publications,
    missingThrough,
    more: next !== undefined,
  };
}

/** All pages from a position on; `undefined` where the store is behind, `gone` where something is missing. */
async function pages(world: World, query: PageQuery, isMoving: boolean): Promise<number[] | 'gone' | undefined> {
  const limits = { size: world.size, ttlMs, ...weights };
  const offsets: number[] = [];
  let { since } = query;
  for (;;) {
    let asOf: number | undefined;
    let outcome = historyPage(channel, { ...query, since }, world.position, limits);
    // What the ring loses while the store is asked may have to be asked for again.
    for (let asked = 0; asked < (isMoving ? 20 : 1) && outcome.kind === 'wanted'; asked++) {
      const more = await older(world, outcome.wanted, query.reverse);
      // As `olderPage` does: it may lack a removal.
      if (more.through < (asOf ??= outcome.wanted.ringBegin)) return undefined;
      if (isMoving) world.ring.dropOldest();
      outcome = historyPage(channel, { ...query, since }, world.position, limits, more);
    }
    if (outcome.kind === 'wanted') return undefined;
    if (outcome.kind === 'gone') return 'gone';
    assert.ok(outcome.kind === 'page');
    const page = offsetsOf(outcome.publications);
    assert.ok(page.length <= query.limit && offsets.length <= world.log.length, 'pages that end');
    if (page.length === 0) return offsets;
    offsets.push(...page);
    since = page.at(-1);
  }
}

const offsetsOf = (publications: readonly Publication[]): number[] => publications.map(({ offset }) => offset ?? -1);

describe('ring and store together', () => {
  test('give a client exactly what it missed, or tell it, wherever each of them is', async () => {
    const outcomes = new Set<string>();
    const property = fc.asyncProperty(steps, fc.integer({ min: 1, max: 6 }), async (all, size) => {
      const world = new World(size);
      await world.run(all);
      for (let offset = 0; offset <= world.head; offset++) {
        const result = await resume(world, offset);
        outcomes.add(result?.kind ?? 'put off');
        const upTo = (through: number): { missed: number[]; lost: number[] } => {
          const { alive, removed } = world.channel(through);
          return { missed: alive.filter((at) => at > offset), lost: removed.filter((at) => at > offset) };
        };
        if (result === undefined) {
          assert.ok(world.watermark < (world.ring.beginsAfter ?? Infinity));
        } else if (result.kind === 'recovered') {
          const { missed, lost } = upTo(world.head);
          assert.deepEqual([offsetsOf(result.publications), lost], [missed, []]);
        } else {
          assert.equal(result.kind, 'unrecoverable');
          const { missed, lost } = upTo(Math.max(world.head, world.watermark));
          assert.ok(missed.length > size || lost.length > 0, `${offset} of ${world.head} could be recovered`);
        }
      }
    });
    await fc.assert(property, { numRuns: 400 });
    assert.deepEqual([...outcomes].sort(), ['put off', 'recovered', 'unrecoverable']);
  });

  test('page through a channel both ways without a gap, from any position, or say that something is gone', async () => {
    const outcomes = new Set<string>();
    const query = fc.record({
      limit: fc.integer({ min: 1, max: 4 }),
      reverse: fc.boolean(),
      since: fc.option(fc.nat(80), { nil: undefined }),
    });
    const sizes = fc.integer({ min: 1, max: 6 });
    const property = fc.asyncProperty(steps, sizes, query, fc.boolean(), async (all, size, asked, isMoving) => {
      const world = new World(size);
      await world.run(all);
      const { alive, removed } = world.channel(world.head);
      const found = await pages(world, asked, isMoving);
      outcomes.add(found === undefined ? 'put off' : found === 'gone' ? 'gone' : 'pages');
      const between = (low: number, high: number): number =>
        world.log.filter((one, at) => one === 'publication' && at + 1 > low && at + 1 <= high).length;
      const { since, reverse } = asked;
      const inStoreOnly = between(world.head, world.watermark);
      const least = Math.max(0, Math.min(alive.length, size - inStoreOnly));
      if (found === undefined) return assert.ok(world.watermark < (world.ring.beginsAfter ?? Infinity));
      const from = reverse ? 0 : (since ?? 0);
      const asLogHasIt = alive.filter((at) => (reverse ? at < (since ?? Infinity) : at > from));
      if (found === 'gone') {
        const hidden = [...removed, ...alive.slice(0, alive.length - least), ...world.channel(world.watermark).removed];
        // What lay between the position and a removal, and whose it was, nobody can see any more.
        const isUnseen =
          (world.ring.beginsAfter ?? Infinity) > from && world.log.slice(from + 1, world.head).includes('removal');
        return assert.ok(hidden.some((at) => at > from) || inStoreOnly > 0 || isUnseen);
      }
      // What is removed in the store already and not yet here, or the other way round, may be missing at the old end only.
      const inOrder = reverse ? [...found].reverse() : found;
      assert.deepEqual(inOrder, inOrder.length === 0 ? [] : asLogHasIt.slice(-inOrder.length));
      if (!reverse && from > 0) assert.ok(inOrder.length === asLogHasIt.length || inStoreOnly > 0);
      const newest = alive.slice(alive.length - least);
      const isRemovedThere =
        world.watermark > world.head && world.log.slice(world.head, world.watermark).includes('removal');
      const expected = newest.filter((at) => asLogHasIt.includes(at));
      assert.ok(isRemovedThere || inOrder.length >= expected.length, 'all that the namespace keeps');
      assert.ok(inOrder.length <= size + between(world.watermark, world.head), 'not more than the namespace keeps');
    });
    const removedBetween: Step[] = [
      ...[{ publish: ['publication'] as const }, { store: 1 }, { publish: ['removal', 'publication'] as const }],
      ...[{ edge: 2 }, { evict: 2 }],
    ];
    const before2 = { limit: 1, reverse: true, since: 2 };
    await fc.assert(property, { numRuns: 1500, examples: [[removedBetween, 1, before2, false]] });
    assert.deepEqual([...outcomes].sort(), ['gone', 'pages', 'put off']);
  });

  test('a lane that moves on while the store is asked holds nobody up: the page is made with what was read', async () => {
    const world = new World(6);
    const busy: Step[] = Array.from({ length: 40 }, (): Step => ({ publish: ['other'] }));
    await world.run([
      { publish: ['publication'] },
      { publish: ['publication'] },
      ...busy,
      { publish: ['publication'] },
    ]);
    await world.more([{ edge: 43 }, { store: 43 }, { evict: 4 }]);
    const next: Step[] = [{ publish: ['publication'] }, { edge: 1 }, { evict: 1 }];
    const limits = { size: 6, ttlMs, ...weights };
    for (const limit of [2, 4]) {
      const query = { limit, since: undefined, reverse: true };
      const first = historyPage(channel, query, world.position, limits);
      if (first.kind === 'page') continue;
      assert.ok(first.kind === 'wanted');
      const read = await older(world, first.wanted, true);
      const { alive } = world.channel(world.head);
      await world.more(next);
      const page = historyPage(channel, query, world.position, limits, read);
      assert.ok(page.kind === 'page', page.kind);
      assert.deepEqual(offsetsOf(page.publications), [world.head, ...alive.reverse()].slice(0, limit));
    }
    const quiet = new World(6);
    await quiet.run([{ publish: ['publication'] }, ...busy, { edge: 41 }, { store: 41 }, { evict: 4 }]);
    const position = { offset: 0, epoch: '' };
    const first = recoverLatest(channel, position, quiet.position, limits);
    assert.ok(first.kind === 'wanted');
    const read = await older(quiet, first.wanted, true);
    await quiet.more([{ publish: ['other'] }, { edge: 1 }, { evict: 1 }]);
    const latest = recoverLatest(channel, position, quiet.position, limits, read);
    assert.ok(latest.kind === 'recovered', latest.kind);
    assert.deepEqual(offsetsOf(latest.publications), [1]);
  });

  test('have the newest publication of a channel, or say that there is none', async () => {
    const property = fc.asyncProperty(steps, fc.integer({ min: 1, max: 6 }), async (all, size) => {
      const world = new World(size);
      await world.run(all);
      const limits = { size, ttlMs, ...weights };
      const { alive, removed } = world.channel(world.head);
      for (let offset = 0; offset <= world.head; offset++) {
        const position = { offset, epoch: lane.epoch };
        let result = recoverLatest(channel, position, world.position, limits);
        if (result.kind === 'wanted') {
          const page = await older(world, result.wanted, true);
          result = recoverLatest(channel, position, world.position, limits, page);
        }
        if (result.kind === 'wanted') {
          assert.ok(world.watermark < (world.ring.beginsAfter ?? Infinity));
          continue;
        }
        const newest = alive.at(-1);
        if (world.watermark > world.head && world.channel(world.watermark).alive.at(-1) !== newest) continue;
        if (newest !== undefined) {
          assert.ok(result.kind === 'recovered');
          assert.deepEqual(offsetsOf(result.publications), newest > offset ? [newest] : []);
        } else if (result.kind === 'recovered') {
          assert.ok(offset > 0 && removed.every((at) => at <= offset) && result.publications.length === 0);
        } else assert.equal(result.kind, 'unrecoverable');
      }
    });
    await fc.assert(property, { numRuns: 400 });
  });
});
