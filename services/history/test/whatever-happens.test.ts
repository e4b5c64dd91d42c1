import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { historyRemoveMarker, type LaneEntry, type Log, markerProperty, MemoryBroker, MemoryBus } from '@pharos/bus';
import { MemoryHistory } from '@pharos/history';
import { eventually } from '@pharos/testkit';
import fc from 'fast-check';

import { FlakyStore } from './support/flaky-store.ts';
import { channels, laneOf, makeHistory, untilWritten } from './support/rig.ts';

const topic = 'persistent://public/default/any';
const lanes = 2;
const names = ['kept:a', 'kept:b', 'kept:c', 'off:d'];
const limits = { size: 5, ttlMs: 3_600_000 };
const history = { history_size: limits.size, history_ttl: '1h' };
/** Of a configuration that is being changed, where processes have the one or the other. */
const namespaces = (keepsOff: boolean): object[] => [
  { name: 'kept', log: topic, lanes, ...history },
  { name: 'off', log: topic, ...(keepsOff ? history : {}) },
];

type Step =
  | { readonly do: 'publish'; readonly count: number; readonly channel: number }
  /** Into a lane that the channel doesn't belong to, or without a key. */
  | { readonly do: 'misplace'; readonly channel: number; readonly keyless: boolean }
  | { readonly do: 'remove'; readonly channel: number }
  | { readonly do: 'skip'; readonly lane: number; readonly count: number }
  | { readonly do: 'trim'; readonly lane: number }
  | { readonly do: 'fail'; readonly when: 'before' | 'after' }
  | { readonly do: 'flush' }
  | { readonly do: 'rollBack'; readonly writes: number }
  | { readonly do: 'start'; readonly keepsOff: boolean }
  | { readonly do: 'stop' }
  | { readonly do: 'settle' };

const channel = fc.nat(names.length - 1);
const lane = fc.nat(lanes - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 9 }), channel }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('misplace' as const), channel, keyless: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), channel }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('skip' as const), lane, count: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), lane }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('fail' as const),
        when: fc.constantFrom('before' as const, 'after' as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'flush' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('rollBack' as const), writes: fc.integer({ min: 1, max: 6 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const), keepsOff: fc.boolean() }) },
    { weight: 2, arbitrary: fc.constant({ do: 'stop' as const }) },
    { weight: 4, arbitrary: fc.constant({ do: 'settle' as const }) },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

interface Message {
  readonly offset: number;
  readonly channel: string;
  readonly text: string;
  readonly kind: 'publication' | 'removal' | 'misplaced';
}

/** A log, what befalls it, the store and the services, and what the log truly had. */
class World {
  readonly #broker = new MemoryBroker();
  readonly #bus = new MemoryBus(this.#broker);
  readonly #store = new FlakyStore();
  readonly #truth: Message[][] = Array.from({ length: lanes }, () => []);
  readonly #services: (() => Promise<void>)[] = [];
  #log: Log | undefined;
  #sent = 0;
  /** Misplaced ones that were written, by their texts. */
  readonly #misplaced: string[] = [];
  readonly seen: Set<string>;

  constructor(seen: Set<string>) {
    this.seen = seen;
  }

  get #life(): Log {
    if (this.#log === undefined) throw new Error('not open');
    return this.#log;
  }

  async open(): Promise<void> {
    this.#log = await this.#bus.openLog({ topic, lanes });
    for (let each = 0; each < lanes; each++) {
      await this.#life.attach(each, { entry: (entry) => this.#record(each, entry) }, { at: 'earliest' });
    }
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'publish') await this.#publish(step.count, names[step.channel] as string);
    else if (step.do === 'misplace') await this.#misplace(names[step.channel] as string, step.keyless);
    else if (step.do === 'remove') await this.#remove(names[step.channel] as string);
    else if (step.do === 'skip') await this.#skip(step.lane, step.count);
    else if (step.do === 'trim') this.#broker.trim(topic, step.lane);
    else if (step.do === 'fail') this.#store.failNext(step.when);
    else if (step.do === 'flush') this.#store.flush();
    else if (step.do === 'rollBack') await this.#store.rollBack(step.writes);
    else if (step.do === 'start') await this.#start(step.keepsOff);
    else if (step.do === 'stop') await this.#services.shift()?.();
    else if (this.#services.length > 0) await this.#settle();
  }

  /** All that was begun comes to its end, and is held against the log. */
  async end(): Promise<void> {
    if (this.#services.length === 0) await this.#start(false);
    await this.#settle();
    await this.#check();
    for (const stop of this.#services.splice(0)) await stop();
    await this.#bus.close();
  }

  async #start(keepsOff: boolean): Promise<void> {
    const bus = new MemoryBus(this.#broker);
    const { service } = makeHistory(bus, this.#store, channels(namespaces(keepsOff)), { lookMs: 10 });
    await service.run();
    this.#services.push(async () => {
      await service.stop();
      await bus.close();
    });
  }

  async #publish(count: number, to: string): Promise<void> {
    const texts = Array.from({ length: count }, () => `m${this.#sent++}`);
    await Promise.all(texts.map((text) => this.#life.append({ channel: to, data: Buffer.from(text) }, 10_000)));
  }

  async #misplace(to: string, keyless: boolean): Promise<void> {
    const text = `out${this.#sent++}`;
    this.#misplaced.push(text);
    const wrong = (this.#life.laneOf(to) + 1) % lanes;
    await this.#broker.inject(topic, wrong, { data: Buffer.from(text), ...(keyless ? {} : { key: to }) });
  }

  async #skip(each: number, count: number): Promise<void> {
    this.#broker.skipOffsets(topic, each, count);
    // What is left out at the very end nobody can see.
    await this.#broker.inject(topic, each, { data: Buffer.alloc(0), properties: { [markerProperty]: 'end' } });
  }

  async #remove(from: string): Promise<void> {
    const properties = { [markerProperty]: historyRemoveMarker };
    await this.#life.append({ channel: from, data: Buffer.alloc(0), properties }, 10_000);
  }

  #record(each: number, entry: LaneEntry): void {
    const cursor = entry.publications();
    while (cursor.next()) {
      const isRemoval = cursor.properties().get(markerProperty) === historyRemoveMarker;
      this.#truth[each]?.push({
        offset: cursor.offset,
        channel: cursor.channel(),
        text: cursor.buffer.toString('utf8', cursor.dataStart, cursor.dataEnd),
        kind: isRemoval ? 'removal' : cursor.routed() ? 'publication' : 'misplaced',
      });
    }
  }

  /** Resolves when the store has everything, what was brought from lane to lane included. */
  async #settle(): Promise<void> {
    await eventually(async () => {
      const before = await this.#heads();
      for (const [each, head] of before.entries()) {
        const state = await this.#store.state(laneOf(this.#life, each));
        if (state === undefined || state.watermark < head) return undefined;
      }
      const after = await this.#heads();
      return before.join() === after.join() ? true : undefined;
    }, 'the store to have everything');
  }

  async #heads(): Promise<number[]> {
    const heads: number[] = [];
    for (let each = 0; each < lanes; each++) {
      const tail = await this.#life.attach(each, { entry: () => undefined });
      heads.push(tail.head);
      await tail.close();
    }
    return heads;
  }

  async #check(): Promise<void> {
    const brought = this.#truth.flat().filter(({ kind, text }) => kind === 'publication' && text.startsWith('out'));
    const texts = brought.map(({ text }) => text);
    assert.equal(new Set(texts).size, texts.length, 'a misplaced message was brought twice');
    for (const each of this.#truth.keys()) {
      const state = await this.#store.state(laneOf(this.#life, each));
      assert.ok(state !== undefined);
      if (state.floor > 0) this.seen.add('floor');
      for (const name of names) {
        for (let offset = 0; offset <= state.watermark; offset++) await this.#judge(each, name, offset);
      }
    }
    for (const text of this.#misplaced) this.seen.add(texts.includes(text) ? 'brought' : 'lost before it was seen');
  }

  async #judge(each: number, name: string, offset: number): Promise<void> {
    const question = { channel: name, namespace: name.slice(0, name.indexOf(':')), offset, limits };
    const [answer] = await this.#store.recoverMany(laneOf(this.#life, each), [question]);
    assert.ok(answer !== undefined);
    this.seen.add(answer.recovered ? 'recovered' : answer.reason);
    if (!answer.recovered) return;
    const of = (this.#truth[each] ?? []).filter((message) => message.channel === name);
    const removed = of.findLast(({ kind }) => kind === 'removal')?.offset ?? 0;
    const missed = of.filter((message) => message.kind === 'publication' && message.offset > offset);
    assert.ok(
      missed.every((message) => message.offset > removed),
      `${name} after ${offset}: some of it was removed`,
    );
    assert.deepEqual(
      answer.publications.map((publication) => [publication.offset, publication.data.toString()]),
      missed.map((message) => [message.offset, message.text]),
      `${name} after ${offset} in lane ${each}`,
    );
  }
}

describe('the history service, the log and the store', () => {
  test('whatever happens to them, what is recovered is true, and each misplaced message is brought once', async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(steps, async (taken) => {
      const world = new World(seen);
      await world.open();
      for (const step of taken) await world.take(step);
      await world.end();
    });
    await fc.assert(property, {
      numRuns: 20,
      seed: 11,
      interruptAfterTimeLimit: 90_000,
      markInterruptAsFailure: false,
    });
    for (const each of ['recovered', 'trimmed', 'floor', 'no-lane', 'brought'])
      assert.ok(seen.has(each), `no run met ${each}`);
  });
});

test('history_meta_ttl: how long a channel is remembered, and with it how far back its lane goes', async (t) => {
  const hourMs = 3_600_000;
  let laterMs = 0;
  const store = new MemoryHistory({ now: () => Date.now() + laterMs });
  const bus = new MemoryBus(new MemoryBroker());
  const log = await bus.openLog({ topic });
  const own = { name: 'kept', log: topic, ...history, history_meta_ttl: '2h' };
  const { service } = makeHistory(bus, store, channels([own]));
  t.after(async () => {
    await service.stop();
    await bus.close();
  });
  await service.run();
  await log.append({ channel: 'kept:a', data: Buffer.from('1') }, 60_000);
  await untilWritten(log, store);
  const floors: unknown[] = [];
  for (laterMs of [0, 1.9 * hourMs, 2.1 * hourMs]) floors.push((await store.tidy(laneOf(log)))?.floor);
  assert.deepEqual(floors, [0, 0, 1]);
});
