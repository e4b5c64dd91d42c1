import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  historyRemoveMarker,
  type LaneEntry,
  type Log,
  markerProperty,
  MemoryBroker,
  MemoryBus,
  skipHistoryProperty,
} from '@pharos/bus';
import { MemoryHistory } from '@pharos/history';
import { eventually } from '@pharos/testkit';

import { laneBatch } from '../src/lane-batch.ts';
import { channels, laneOf, makeHistory, type TestHistory, untilWatermark, untilWritten } from './support/rig.ts';
import { mustHoldLog, readLane } from './support/truth.ts';

const topic = 'persistent://public/default/kept';
const kept = { name: 'kept', log: topic, history_size: 100_000, history_ttl: '1h' };

interface World {
  readonly broker: MemoryBroker;
  readonly bus: MemoryBus;
  readonly store: MemoryHistory;
  readonly log: Log;
  start(namespaces?: readonly object[], more?: { readonly queueBytes?: number }): Promise<TestHistory>;
  publish(channel: string, text: string, properties?: Record<string, string>): Promise<unknown>;
}

/** A broker and a store, and services on them, each on a bus of its own. */
async function world(
  t: { after(hook: () => Promise<void>): void },
  lanes = 1,
  broker = new MemoryBroker(),
): Promise<World> {
  const bus = new MemoryBus(broker);
  const store = new MemoryHistory();
  const services: (() => Promise<void>)[] = [() => bus.close()];
  t.after(async () => {
    for (const stop of services.reverse()) await stop();
  });
  const log = await bus.openLog({ topic, lanes });
  return {
    broker,
    bus,
    store,
    log,
    async start(namespaces = [kept], more = {}) {
      const own = new MemoryBus(broker);
      const made = makeHistory(own, store, channels(namespaces), more);
      services.push(async () => {
        await made.service.stop();
        await own.close();
      });
      await made.service.run();
      return made;
    },
    publish: (channel, text, properties = {}) => log.append({ channel, data: Buffer.from(text), properties }, 10_000),
  };
}

const limits = { size: 100_000, ttlMs: 3_600_000 };

async function texts({ store, log }: World, channel: string): Promise<string[]> {
  const page = await store.history(laneOf(log, log.laneOf(channel)), channel, { limits });
  return (page?.publications ?? []).map(({ data }) => data.toString());
}

describe('the history service', () => {
  test('a reloaded configuration: a namespace that gets history has all that the log has, one that is shortened less', async (t) => {
    const w = await world(t);
    const other = { name: 'other', log: topic };
    const history = await w.start([kept, other]);
    for (let i = 0; i < 50; i++) await w.publish(i % 2 === 0 ? 'kept:a' : 'other:a', `m${i}`);
    await untilWritten(w.log, w.store);
    assert.deepEqual(await texts(w, 'other:a'), []);
    const next = channels([
      { ...kept, history_size: 5 },
      { ...other, history_size: 100, history_ttl: '1h' },
    ]);
    const prepared = await history.service.prepareReload({ channel: next });
    assert.equal(await history.metric('pharos_history_lanes', { log: w.log.topic }), w.log.lanes);
    assert.equal((await texts(w, 'kept:a')).length, 25);
    prepared.take();
    await eventually(async () => ((await texts(w, 'other:a')).length === 25 ? true : undefined), 'the new history');
    await w.publish('kept:a', 'after');
    await eventually(
      async () => ((await texts(w, 'kept:a')).at(-1) === 'after' ? true : undefined),
      'what comes after',
    );
    assert.equal((await texts(w, 'kept:a')).length, 5);
  });

  test('what was published before it and since is in the store, every publication once, in order', async (t) => {
    const w = await world(t, 3);
    const names = ['kept:a', 'kept:b', 'kept:Grüße', 'kept:}x'];
    const publish = (from: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 400 }, (_v, i) => w.publish(names[i % 4] ?? '', `m${from + i}`, { n: `${i}` })));
    await publish(0);
    const history = await w.start();
    await publish(400);
    for (let lane = 0; lane < 3; lane++) await untilWritten(w.log, w.store, lane);
    assert.equal(await mustHoldLog(w.log, w.store), 800);
    assert.equal(await history.metric('pharos_history_messages_total', { kind: 'stored' }), 800);
    assert.equal(await history.metric('pharos_history_rebuilds_total', { reason: 'empty' }), 3);
    assert.equal(await history.metric('pharos_history_lanes_active'), 3);
    assert.equal(await history.metric('pharos_history_lag_messages'), 0);
    const page = await w.store.history(laneOf(w.log, w.log.laneOf('kept:a')), 'kept:a', { limits, limit: 1 });
    assert.deepEqual([...(page?.publications[0]?.properties ?? [])], [['n', '0']]);
  });

  test('kept is what its namespace keeps, in its own log; the watermark passes the rest', async (t) => {
    const w = await world(t);
    await w.start([
      { ...kept, history_size: 2 },
      { name: 'off', log: topic },
      { name: 'elsewhere', log: 'other', history_size: 5, history_ttl: '1h' },
    ]);
    for (const text of ['1', '2', '3']) await w.publish('kept:a', text);
    await w.publish('kept:b', 'live only', { [skipHistoryProperty]: '' });
    for (const channel of ['off:a', 'elsewhere:a', 'unknown:a', 'chat', `kept:${'x'.repeat(255)}`]) {
      await w.publish(channel, 'not kept');
    }
    const state = await untilWatermark(w.store, laneOf(w.log), 9);
    assert.equal(state.floor, 0);
    assert.deepEqual(await texts(w, 'kept:a'), ['2', '3']);
    for (const channel of ['kept:b', 'off:a', 'elsewhere:a', 'unknown:a', 'chat']) {
      assert.deepEqual(await texts(w, channel), [], channel);
    }
    const [tooMany] = await w.store.recoverMany(laneOf(w.log), [{ channel: 'kept:a', offset: 0, limits }]);
    assert.equal(tooMany?.recovered === false && tooMany.reason, 'trimmed');
  });

  test('a removal is obeyed, when it happens and when the store is built anew', async (t) => {
    const w = await world(t);
    const first = await w.start();
    await w.publish('kept:a', 'old');
    await w.publish('kept:b', 'stays');
    await w.publish('kept:a', '', { [markerProperty]: historyRemoveMarker });
    await w.publish('kept:a', 'new');
    const seen = async (): Promise<string[][]> => [await texts(w, 'kept:a'), await texts(w, 'kept:b')];
    await untilWritten(w.log, w.store);
    assert.deepEqual(await seen(), [['new'], ['stays']]);
    await first.service.stop();
    const again = { ...w, store: new MemoryHistory() };
    const second = makeHistory(w.bus, again.store, channels([kept]));
    await second.service.run();
    await untilWritten(w.log, again.store);
    assert.deepEqual([await texts(again, 'kept:a'), await texts(again, 'kept:b')], [['new'], ['stays']]);
    await second.service.stop();
  });

  test('one process brings a lane over, another takes it over where the first stood', async (t) => {
    const w = await world(t, 4);
    const services = [await w.start(), await w.start()] as const;
    const publish = (from: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 200 }, (_v, i) => w.publish(`kept:${i % 9}`, `m${from + i}`)));
    await publish(0);
    for (let lane = 0; lane < 4; lane++) await untilWritten(w.log, w.store, lane);
    await eventually(async () => {
      const active = await Promise.all(services.map((each) => each.metric('pharos_history_lanes_active')));
      return active.join() === '2,2' ? true : undefined;
    }, 'two lanes each');
    await Promise.all([publish(200), services[0].service.drain()]);
    await publish(400);
    for (let lane = 0; lane < 4; lane++) await untilWritten(w.log, w.store, lane);
    assert.equal(await mustHoldLog(w.log, w.store), 600);
    assert.equal(await services[1].metric('pharos_history_lanes_active'), 4);
    const rebuilds = await Promise.all(services.map((each) => each.metric('pharos_history_rebuilds_total')));
    assert.equal((rebuilds[0] ?? 0) + (rebuilds[1] ?? 0), 4, 'only at the very beginning');
    assert.equal(services[0].service.readiness().ready, false);
  });

  test('messages without a key or in a wrong lane come to their channels, once, with all that they carry', async (t) => {
    const w = await world(t, 3);
    const history = await w.start();
    const home = w.log.laneOf('kept:a');
    const wrong = (home + 1) % 3;
    await w.broker.inject(topic, wrong, { key: 'kept:a', data: Buffer.from('lost'), properties: { tag: 'x' } });
    await w.broker.inject(topic, home, { key: 'kept:a', data: Buffer.from('at home') });
    await w.broker.inject(topic, wrong, { data: Buffer.from('keyless') });
    await w.broker.inject(topic, w.log.laneOf('kept'), { data: Buffer.from('keyless in the right lane') });
    await eventually(
      async () =>
        (await history.metric('pharos_history_rerouted_total', { outcome: 'appended' })) === 3 ? true : undefined,
      'three were brought',
    );
    const lane = (await readLane(w.log, home)).filter(({ channel, routed }) => channel === 'kept:a' && routed);
    assert.deepEqual(lane.map(({ text }) => text).toSorted(), ['at home', 'lost']);
    assert.deepEqual(lane.find(({ text }) => text === 'lost')?.properties, { tag: 'x' });
    const unkeyed = (await readLane(w.log, w.log.laneOf('kept'))).filter(({ routed }) => routed);
    assert.deepEqual(
      unkeyed
        .filter(({ channel }) => channel === 'kept')
        .map(({ text }) => text)
        .toSorted(),
      ['keyless', 'keyless in the right lane'],
    );
    for (let each = 0; each < 3; each++) await untilWritten(w.log, w.store, each);
    assert.deepEqual((await texts(w, 'kept:a')).toSorted(), ['at home', 'lost'], 'stored from its right lane alone');
  });

  test('a removal in a wrong lane removes, too', async (t) => {
    const w = await world(t, 2);
    await w.start();
    const home = w.log.laneOf('kept:a');
    await w.publish('kept:a', 'old');
    await eventually(async () => ((await texts(w, 'kept:a')).length === 1 ? true : undefined), 'it is there');
    const properties = { [markerProperty]: historyRemoveMarker };
    await w.broker.inject(topic, 1 - home, { key: 'kept:a', data: Buffer.alloc(0), properties });
    await eventually(async () => ((await texts(w, 'kept:a')).length === 0 ? true : undefined), 'removed');
    await w.publish('kept:a', 'new');
    await untilWritten(w.log, w.store, home);
    assert.deepEqual(await texts(w, 'kept:a'), ['new']);
  });

  test('a store that was emptied is built anew, and what was brought to its lane is not brought again', async (t) => {
    const w = await world(t, 2);
    const wrong = 1 - w.log.laneOf('kept:a');
    const first = await w.start();
    await w.broker.inject(topic, wrong, { key: 'kept:a', data: Buffer.from('lost') });
    for (let i = 0; i < 50; i++) await w.publish(`kept:${i % 5}`, `m${i}`);
    await eventually(async () => ((await texts(w, 'kept:a'))[0] === 'lost' ? true : undefined), 'brought');
    for (let lane = 0; lane < 2; lane++) await untilWritten(w.log, w.store, lane);
    await first.service.stop();
    const bare = { ...w, store: new MemoryHistory() };
    const bus = new MemoryBus(w.broker);
    const second = makeHistory(bus, bare.store, channels([kept]));
    await second.service.run();
    for (let lane = 0; lane < 2; lane++) await untilWritten(w.log, bare.store, lane);
    assert.equal(await mustHoldLog(w.log, bare.store), 51);
    assert.equal(await second.metric('pharos_history_rerouted_total'), 0);
    await second.service.stop();
    await bus.close();
  });

  test('what the log drops before it is in the store raises the floor; what the broker leaves out does not', async (t) => {
    const w = await world(t);
    const first = await w.start();
    await w.publish('kept:a', 'one');
    w.broker.skipOffsets(topic, 0, 3);
    await w.publish('kept:a', 'two');
    assert.deepEqual(await untilWritten(w.log, w.store), {
      watermark: 5,
      floor: 0,
      position: '5',
      namespaces: ['kept'],
    });
    await first.service.stop();
    for (const text of ['gone', 'gone too']) await w.publish('kept:a', text);
    w.broker.trim(topic, 0);
    const second = await w.start();
    const state = await untilWatermark(w.store, laneOf(w.log), 7);
    assert.equal(state.floor, 7, 'at once, though nothing comes');
    assert.equal(await second.metric('pharos_history_lost_total'), 2);
    await w.publish('kept:a', 'six');
    await untilWritten(w.log, w.store);
    const ask = async (offset: number): Promise<unknown> => {
      const [answer] = await w.store.recoverMany(laneOf(w.log), [{ channel: 'kept:a', offset, limits }]);
      return answer?.recovered === true ? answer.publications.map(({ data }) => data.toString()) : answer?.reason;
    };
    assert.equal(await ask(5), 'floor');
    assert.deepEqual(await ask(7), ['six']);
  });

  test('a lane of which much waits is not read on until the store has caught up', async (t) => {
    const w = await world(t);
    const data = 'x'.repeat(10_000);
    for (let i = 0; i < 300; i++) await w.publish('kept:a', `${i} ${data}`);
    await w.start([kept], { queueBytes: 1024 });
    await untilWritten(w.log, w.store);
    assert.equal(await mustHoldLog(w.log, w.store), 300);
  });

  test('a namespace that has history (again): nobody is told that nothing was missed while it had none', async (t) => {
    const w = await world(t, 2);
    const other = { name: 'off', log: topic };
    const run = async (names: string, ...namespaces: object[]): Promise<void> => {
      const history = await w.start(namespaces);
      for (let lane = 0; lane < 2; lane++) {
        const isTakenOver = async (): Promise<true | undefined> =>
          (await w.store.state(laneOf(w.log, lane)))?.namespaces?.join() === names ? true : undefined;
        await eventually(isTakenOver, `lane ${lane} has ${names}`);
        await untilWritten(w.log, w.store, lane);
      }
      await history.service.stop();
    };
    const missed = async (namespace: string): Promise<unknown> => {
      const question = { channel: `${namespace}:a`, namespace, offset: 0, limits };
      const [answer] = await w.store.recoverMany(laneOf(w.log, w.log.laneOf(question.channel)), [question]);
      return answer?.recovered === true ? answer.publications.map(({ data }) => data.toString()) : answer?.reason;
    };
    await w.publish('kept:a', 'before');
    await w.publish('off:a', 'early');
    await run('kept', kept, other);
    assert.deepEqual([await missed('kept'), await missed('off')], [['before'], 'no-lane']);
    await w.publish('kept:a', 'while off');
    await run('off', { ...kept, history_size: 0 }, { ...other, history_size: 9, history_ttl: '1h' });
    assert.deepEqual([await missed('kept'), await missed('off')], ['no-lane', ['early']]);
    await run('kept,off', kept, { ...other, history_size: 9, history_ttl: '1h' });
    assert.deepEqual([await missed('kept'), await missed('off')], [['before', 'while off'], ['early']]);
    await run('kept', kept, other);
    assert.deepEqual([await missed('kept'), await missed('off')], [['before', 'while off'], 'no-lane']);
  });

  test('on several lanes misplaced messages are brought to theirs where nothing is kept, too', async (t) => {
    const w = await world(t, 3);
    const home = w.log.laneOf('off:a');
    await w.broker.inject(topic, (home + 1) % 3, { key: 'off:a', data: Buffer.from('lost') });
    await w.publish('off:a', 'at home');
    const history = await w.start([{ name: 'off', log: topic }]);
    await eventually(async () => {
      const lane = (await readLane(w.log, home)).filter(({ channel, routed }) => channel === 'off:a' && routed);
      return lane.map(({ text }) => text).join() === 'at home,lost' ? true : undefined;
    }, 'it is in its lane');
    for (let lane = 0; lane < 3; lane++) await untilWritten(w.log, w.store, lane);
    assert.deepEqual(await texts(w, 'off:a'), [], 'nothing is kept');
    await history.service.stop();
    const second = await w.start([{ name: 'off', log: topic }]);
    await eventually(
      async () => ((await second.metric('pharos_history_lanes_active')) === 3 ? true : undefined),
      'taken over',
    );
    await w.broker.inject(topic, (home + 1) % 3, { key: 'off:a', data: Buffer.from('later') });
    await eventually(
      async () => ((await second.metric('pharos_history_rerouted_total')) === 1 ? true : undefined),
      'the second goes on where the first was',
    );
  });

  test('a log that is deleted and made anew is followed in its new life', async (t) => {
    const w = await world(t);
    await w.start();
    await w.publish('kept:a', 'former');
    await untilWritten(w.log, w.store);
    w.broker.deleteLog(topic);
    const life = await new MemoryBus(w.broker).openLog({ topic });
    await life.append({ channel: 'kept:a', data: Buffer.from('new') }, 10_000);
    await untilWritten(life, w.store);
    assert.equal(await mustHoldLog(life, w.store), 1);
  });

  test('a log that can not be reached for a while is gone on with', async (t) => {
    const w = await world(t);
    const history = await w.start();
    await w.publish('kept:a', 'before');
    await untilWritten(w.log, w.store);
    w.broker.setConnected(false);
    await eventually(
      async () => ((await history.metric('pharos_history_lanes_active')) === 0 ? true : undefined),
      'no active lane',
    );
    assert.equal(history.service.readiness().ready, true);
    w.broker.setConnected(true);
    await w.publish('kept:a', 'after');
    await untilWritten(w.log, w.store);
    assert.deepEqual(await texts(w, 'kept:a'), ['before', 'after']);
    assert.equal(await history.metric('pharos_history_rebuilds_total'), 1);
  });

  test('it waits for a log that is not there yet, live and not ready, and can be stopped meanwhile', async (t) => {
    const w = await world(t);
    w.broker.setConnected(false);
    const bus = new MemoryBus(w.broker);
    const made = makeHistory(bus, w.store, channels([kept]));
    const running = made.service.run();
    await eventually(() => (made.service.readiness().reasons[0]?.includes('disconnected') ? true : undefined), 'why');
    await made.service.stop();
    await running;
    await bus.close();
  });
});

test('what was lost before an entry is the floor of the batch that has the entry', async () => {
  const bus = new MemoryBus(new MemoryBroker());
  const log = await bus.openLog({ topic });
  const entries: LaneEntry[] = [];
  await log.attach(0, { entry: (entry) => void entries.push(entry.retain()) });
  for (const text of ['a', 'b']) await log.append({ channel: 'kept:a', data: Buffer.from(text) }, 10_000);
  const [first, second] = await eventually(() => (entries.length === 2 ? entries : undefined), 'two entries');
  assert.ok(first !== undefined && second !== undefined);
  const fed = [
    { entry: first, lostThrough: 0 },
    { entry: second, lostThrough: 1 },
  ];
  const { batch } = laneBatch(fed, 1, { limitsOf: () => ({ ...limits, metaTtlMs: limits.ttlMs }), isHome: () => true });
  assert.deepEqual([batch.previous, batch.watermark, batch.floor, batch.position], [1, 2, 1, second.position]);
  assert.deepEqual(
    batch.entries.map(({ offset }) => offset),
    [2],
    'what is there already is left out',
  );
  await bus.close();
});
