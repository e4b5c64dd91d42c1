import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBroker, MemoryBus } from '@pharos/bus';
import { eventually } from '@pharos/testkit';
import { FakeSubscriber } from './support/fakes.ts';
import { FaultyBus } from './support/faulty-bus.ts';
import { testFeed } from './support/feeds.ts';

const topic = 'persistent://public/default/chat';
const lingerMs = 60_000;
const waitMs = 5_000;

/** Lets what waits for promises go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the feed of a lane', () => {
  test('is attached when asked for, once for all that wait', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed, gauge } = await testFeed(t, bus);
    assert.equal(feed.attached, false);
    await Promise.all([feed.ready(waitMs), feed.ready(waitMs), feed.ready(waitMs)]);
    assert.equal(feed.attached, true);
    await feed.ready(waitMs);
    assert.equal(bus.attaches.arrived, 1);
    assert.equal(await gauge('lanesAttached'), 1);
    assert.equal(await gauge('lanesConnected'), 1);
    await feed.close();
    assert.equal(await gauge('lanesAttached'), 0);
    assert.equal(await gauge('lanesConnected'), 0);
    await assert.rejects(feed.ready(waitMs), { code: 'closed' });
  });

  test('says what the log has had when it was asked, though it was asked before', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed } = await testFeed(t, bus);
    await feed.ready(waitMs);
    const before = bus.attaches.arrived;
    bus.closes.hold();
    const first = feed.newest();
    while (bus.closes.arrived === 0) await settle();
    await feed.log.append({ channel: 'a', data: Buffer.from('x') }, waitMs);
    const later = [feed.newest(), feed.newest()];
    bus.closes.pass();
    assert.equal(await first, 0);
    assert.deepEqual(await Promise.all(later), [1, 1]);
    assert.equal(bus.attaches.arrived, before + 2, 'one question for both');
  });

  test('lingers a minute after the last subscriber, and whoever comes back finds it warm', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed, gauge } = await testFeed(t, bus);
    await feed.ready(waitMs);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const subscriber = new FakeSubscriber();
    const first = feed.join('a', subscriber, false);
    assert.deepEqual([...subscriber.topics], ['j:a']);
    feed.leave(first);
    feed.leave(first);
    assert.deepEqual([...subscriber.topics], []);
    assert.equal(await gauge('subscriptions'), 0);
    assert.equal(await gauge('channels'), 0);
    t.mock.timers.tick(lingerMs - 1);
    const second = feed.join('a', subscriber, false);
    t.mock.timers.tick(lingerMs * 2);
    assert.equal(feed.attached, true);
    feed.leave(second);
    t.mock.timers.tick(lingerMs - 1);
    assert.equal(feed.attached, true);
    t.mock.timers.tick(1);
    assert.equal(feed.attached, false);
    t.mock.timers.reset();
    await feed.ready(waitMs);
    assert.equal(bus.attaches.arrived, 2);
    assert.equal(await gauge('lanesAttached'), 1);
  });

  test('is let go where everybody who asked for it has gone before it came', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed } = await testFeed(t, bus);
    bus.attaches.hold();
    await assert.rejects(feed.ready(10), /attaching lane 0 of .* took longer than 10 ms/);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    bus.attaches.pass();
    while (!feed.attached) await settle();
    t.mock.timers.tick(lingerMs);
    assert.equal(feed.attached, false);
  });

  test('is not tried again for ever when nobody wants it; it is for somebody who does', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed, lines } = await testFeed(t, bus);
    bus.attaches.hold();
    const inVain = assert.rejects(feed.ready(10), /took longer/);
    await inVain;
    bus.attaches.fail('unreachable');
    await settle();
    assert.equal(lines.filter((line) => line.includes('could not attach')).length, 0);

    t.mock.timers.enable({ apis: ['setTimeout'] });
    const ready = feed.ready(1_000_000);
    for (let attempt = 2; attempt <= 8; attempt++) {
      while (bus.attaches.arrived < attempt) await settle();
      await settle();
      t.mock.timers.tick(5_000);
    }
    bus.attaches.pass();
    while (!feed.attached) {
      await settle();
      t.mock.timers.tick(5_000);
    }
    await ready;
  });

  test('stays attached without subscribers where it is pinned', async (t) => {
    const { feed } = await testFeed(t, new MemoryBus(new MemoryBroker()));
    feed.pin();
    await feed.ready(waitMs);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    feed.leave(feed.join('a', new FakeSubscriber(), false));
    t.mock.timers.tick(lingerMs * 10);
    assert.equal(feed.attached, true);
  });

  test('closing it while it attaches ends the wait and leaves no tail', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed, gauge } = await testFeed(t, bus);
    bus.attaches.hold();
    const waiting = assert.rejects(feed.ready(waitMs), { code: 'closed' });
    await feed.close();
    await waiting;
    bus.attaches.pass();
    await settle();
    assert.equal(feed.attached, false);
    assert.equal(await gauge('lanesAttached'), 0);
  });

  test('joining flushes what came before, so that the newcomer gets exactly what comes after', async (t) => {
    const { feed, log, server } = await testFeed(t, new MemoryBus(new MemoryBroker()));
    await feed.ready(waitMs);
    feed.join('a', new FakeSubscriber(), false);
    await log.append({ channel: 'a', data: Buffer.from('1') }, waitMs);
    await eventually(() => (server.published.length === 1 ? true : undefined), 'the first frame');
    // Time stands still from here: what comes within the window after a flush waits in the pack.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const nowMs = performance.now();
    t.mock.method(performance, 'now', () => nowMs);
    await log.append({ channel: 'a', data: Buffer.from('2') }, waitMs);
    while (feed.head < 2) await settle();
    await log.append({ channel: 'a', data: Buffer.from('3') }, waitMs);
    while (feed.head < 3) await settle();
    const framesBefore = server.published.length;
    feed.join('a', new FakeSubscriber(), false);
    assert.equal(server.published.length, framesBefore + 1);
    assert.match(server.published.at(-1)?.text ?? '', /"data":3/);
    feed.join('a', new FakeSubscriber(), false);
    assert.equal(server.published.length, framesBefore + 1);
  });

  test('a tail on its way out hands on nothing, and the next one waits for its end', async (t) => {
    const bus = new FaultyBus(new MemoryBus(new MemoryBroker()));
    const { feed, log, server } = await testFeed(t, bus);
    await feed.ready(waitMs);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    bus.closes.hold();
    feed.leave(feed.join('a', new FakeSubscriber(), false));
    t.mock.timers.tick(lingerMs);
    assert.equal(feed.attached, false);
    t.mock.timers.reset();
    const ready = feed.ready(waitMs);
    await log.append({ channel: 'a', data: Buffer.from('"unheard"') }, waitMs);
    for (let turn = 0; turn < 10; turn++) await settle();
    assert.equal(bus.attaches.arrived, 1);
    bus.closes.pass();
    await ready;
    assert.equal(bus.attaches.arrived, 2);
    feed.join('a', new FakeSubscriber(), false);
    await log.append({ channel: 'a', data: Buffer.from('"once"') }, waitMs);
    await eventually(() => server.published.find(({ text }) => text.includes('once')), 'a frame');
    assert.equal(server.published.length, 1);
  });

  test('a log that ends: positioned subscribers are told once, others stay, and the lane is attached anew', async (t) => {
    const broker = new MemoryBroker();
    const { feed, log, gauge, server } = await testFeed(t, new MemoryBus(broker));
    await feed.ready(waitMs);
    const epoch = log.epoch;
    const [positioned, plain] = [new FakeSubscriber(), new FakeSubscriber()];
    const subscription = feed.join('a', positioned, true);
    positioned.onInsufficient = () => feed.leave(subscription);
    feed.join('a', plain, false);
    broker.deleteLog(topic);
    while (feed.attached) await settle();
    assert.equal(await gauge('lanesAttached'), 0);
    assert.equal(await gauge('lanesConnected'), 0);
    await feed.ready(waitMs);
    assert.notEqual(log.epoch, epoch);
    assert.deepEqual(positioned.insufficient, ['a']);
    assert.deepEqual(plain.insufficient, []);
    assert.equal(await gauge('lanesConnected'), 1);
    await log.append({ channel: 'a', data: Buffer.from('"again"') }, waitMs);
    await eventually(() => server.published.find(({ text }) => text.includes('again')), 'a frame');
  });

  test('offsets that can not be trusted any more: who could resume by them is told, a text client goes on', async (t) => {
    const { feed, lines } = await testFeed(t, new MemoryBus(new MemoryBroker()));
    await feed.ready(waitMs);
    const [positioned, plain, text] = [new FakeSubscriber(), new FakeSubscriber(), new FakeSubscriber('text')];
    feed.join('a', positioned, true);
    feed.join('a', plain, false);
    feed.join('a', text, true);
    feed.indexLost(new Error('the index went backwards'));
    assert.deepEqual(positioned.insufficient, ['a']);
    assert.deepEqual([...plain.insufficient, ...text.insufficient], []);
    assert.equal(lines.filter((line) => line.includes('the index went backwards')).length, 1);
  });

  test('a log that nobody follows any more is not attached anew', async (t) => {
    const broker = new MemoryBroker();
    const { feed } = await testFeed(t, new MemoryBus(broker));
    await feed.ready(waitMs);
    broker.deleteLog(topic);
    while (feed.attached) await settle();
    for (let turn = 0; turn < 10; turn++) await settle();
    assert.equal(feed.attached, false);
  });

  test('the gauge of connected lanes follows every cut, also one that ends with the lane', async (t) => {
    const broker = new MemoryBroker();
    const { feed, gauge } = await testFeed(t, new MemoryBus(broker));
    await feed.ready(waitMs);
    for (let round = 0; round < 3; round++) {
      broker.setConnected(false);
      while ((await gauge('lanesConnected')) !== 0) await settle();
      broker.setConnected(true);
      while ((await gauge('lanesConnected')) !== 1) await settle();
    }
    // The handler hasn't heard of it yet when the feed closes.
    broker.setConnected(false);
    await feed.close();
    assert.equal(await gauge('lanesConnected'), 0);
  });
});
