import assert from 'node:assert/strict';
import { test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { markerProperty, type LaneEntry } from '@pharos/bus';
import { append, type BusUnderTest, Collector, readEntry, texts } from './harness.ts';

/** Following a lane: order, offsets, starts, entries, routing. */
export function tailTests(adapter: () => BusUnderTest): void {
  test('two tails on two buses each get every publication once, in order, with dense offsets', async () => {
    const topic = adapter().uniqueTopic('fan');
    const [here, there] = await Promise.all([adapter().newBus(), adapter().newBus()]);
    const log = await here.openLog({ topic });
    const other = await there.openLog({ topic });
    const collectors = [new Collector(), new Collector(), new Collector()] as const;
    const tail = await log.attach(0, collectors[0]);
    await other.attach(0, collectors[1]);
    await other.attach(0, collectors[2]);
    const sent = texts('m', 2000);
    await Promise.all(sent.map((text) => append(log, 'chat', text)));
    for (const collector of collectors) {
      await collector.untilCount(sent.length);
      assert.deepEqual(collector.texts, sent);
      assert.deepEqual(collector.holes, []);
      const offsets = collector.seen.map((seen) => seen.offset);
      assert.ok(offsets.every((offset, index) => index === 0 || offset === (offsets[index - 1] ?? 0) + 1));
      assert.ok(collector.turnEnds >= 1 && collector.turnEnds <= collector.entries);
    }
    assert.deepEqual(
      collectors[0].publications.map((seen) => [seen.offset, seen.position]),
      collectors[1].publications.map((seen) => [seen.offset, seen.position]),
    );
    assert.equal(tail.head, collectors[0].seen.at(-1)?.offset);
    assert.equal(tail.connected, true);
  });

  test('the head of an empty lane is right before its first publication', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('empty') });
    const collector = new Collector();
    const tail = await log.attach(0, collector);
    assert.equal(tail.indexed, true);
    const head = tail.head;
    await append(log, 'chat', 'first');
    await collector.untilCount(1);
    assert.equal(collector.publications[0]?.offset, head + 1);
  });

  test('the head of a lane in use is its newest publication, which is not handed over again', async () => {
    const topic = adapter().uniqueTopic('head');
    const log = await (await adapter().newBus()).openLog({ topic });
    const early = new Collector();
    await log.attach(0, early);
    await Promise.all(texts('old', 30).map((text) => append(log, 'chat', text)));
    await early.untilCount(30);
    const collector = new Collector();
    const tail = await log.attach(0, collector);
    assert.equal(tail.head, early.publications[29]?.offset);
    await append(log, 'chat', 'new');
    await collector.untilCount(1);
    assert.deepEqual(collector.texts, ['new']);
    assert.equal(collector.publications[0]?.offset, tail.head);
  });

  test('attach earliest gives all that is kept', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('earliest') });
    for (const text of texts('m', 5)) await append(log, 'chat', text);
    const collector = new Collector();
    await log.attach(0, collector, { at: 'earliest' });
    await append(log, 'chat', 'live');
    await collector.untilCount(6);
    assert.deepEqual(collector.texts, [...texts('m', 5), 'live']);
  });

  test('attach earliest to an empty lane gives what comes', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('void') });
    const collector = new Collector();
    await log.attach(0, collector, { at: 'earliest' });
    await append(log, 'chat', 'first');
    await collector.untilCount(1);
    assert.deepEqual(collector.texts, ['first']);
  });

  test('attach recent gives what was published lately, and says how far it has to catch up', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('recent') });
    const live = new Collector();
    await log.attach(0, live);
    await Promise.all(texts('m', 40).map((text) => append(log, 'chat', text)));
    await live.untilCount(40);
    const newest = live.publications[39]?.offset;
    const collector = new Collector();
    const tail = await log.attach(0, collector, { at: 'recent', maxAgeMs: 3_600_000 });
    assert.equal(tail.newestAtAttach, newest);
    await append(log, 'chat', 'live');
    await collector.untilCount(41);
    assert.deepEqual(collector.texts, [...texts('m', 40), 'live']);
    assert.deepEqual(
      collector.publications.map((seen) => [seen.offset, seen.position]),
      live.publications.map((seen) => [seen.offset, seen.position]),
    );
  });

  test('attach recent to an empty lane gives what comes', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('void') });
    const collector = new Collector();
    const tail = await log.attach(0, collector, { at: 'recent', maxAgeMs: 3_600_000 });
    await append(log, 'chat', 'first');
    await collector.untilCount(1);
    assert.deepEqual(collector.texts, ['first']);
    assert.ok(tail.head > tail.newestAtAttach);
  });

  test('attach after a position goes on right behind it, inside an entry too', async () => {
    const topic = adapter().uniqueTopic('after');
    const log = await (await adapter().newBus()).openLog({ topic });
    const first = new Collector();
    const tail = await log.attach(0, first);
    await Promise.all(texts('m', 40).map((text) => append(log, 'chat', text)));
    await first.untilCount(40);
    const sinceTail = new Collector();
    await log.attach(0, sinceTail, { at: 'after', position: tail.position, offset: tail.head });
    const tenth = first.publications[9];
    assert.ok(tenth !== undefined);
    const sinceTenth = new Collector();
    await log.attach(0, sinceTenth, { at: 'after', position: tenth.position, offset: tenth.offset });
    await append(log, 'chat', 'live');
    await sinceTenth.untilCount(31);
    assert.deepEqual(sinceTenth.texts, [...texts('m', 40).slice(10), 'live']);
    assert.deepEqual(
      sinceTenth.publications.slice(0, 30).map((seen) => [seen.offset, seen.position]),
      first.publications.slice(10, 40).map((seen) => [seen.offset, seen.position]),
    );
    await sinceTail.untilCount(1);
    assert.deepEqual(sinceTail.texts, ['live']);
  });

  test('retained entries outlive the handler, with cursors of their own', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('retain') });
    const kept: LaneEntry[] = [];
    const collector = new Collector();
    await log.attach(0, {
      entry: (entry) => {
        kept.push(entry.retain());
        collector.entry(entry);
      },
    });
    for (const text of texts('m', 20)) await append(log, 'chat', text);
    await collector.untilCount(20);
    assert.deepEqual(kept.flatMap(readEntry), collector.seen);
    const entry = kept.at(-1) as LaneEntry;
    const [one, two] = [entry.publications(), entry.publications()];
    assert.ok(one.next());
    assert.ok(two.next());
    assert.equal(one.next(), two.next());
  });

  test('each lane has its own order and offsets; a channel is found in its lane, whatever its script', async () => {
    const topic = adapter().uniqueTopic('lanes');
    const log = await (await adapter().newBus()).openLog({ topic, lanes: 3 });
    const collectors = [new Collector(), new Collector(), new Collector()] as const;
    for (const [lane, collector] of collectors.entries()) await log.attach(lane, collector);
    const channels = ['chat', 'Grüße', '東京', 'смех', '😀🎉', 'x', 'y', 'z'];
    await Promise.all(channels.flatMap((channel) => texts('m', 25).map((text) => append(log, channel, text))));
    for (const channel of channels) {
      const lane = log.laneOf(channel);
      const collector = collectors[lane] as Collector;
      const mine = (): string[] =>
        collector.publications.filter((seen) => seen.channel === channel).map((seen) => seen.text);
      await collector.until(() => mine().length >= 25, `25 of ${channel} in lane ${lane}`);
      assert.deepEqual(mine(), texts('m', 25));
    }
    const all = collectors.flatMap((collector) => collector.publications);
    assert.equal(all.length, channels.length * 25);
    assert.ok(all.every((seen) => seen.routed && seen.keyHash === javaStringHash(seen.channel)));
  });

  test('a message without a key is the default channel’s on a log of one lane', async () => {
    const topic = adapter().uniqueTopic('keyless');
    const log = await (await adapter().newBus()).openLog({ topic, defaultChannel: 'lobby' });
    const collector = new Collector();
    await log.attach(0, collector);
    await adapter().inject(topic, 0, { data: Buffer.from('plain line') });
    await adapter().inject(topic, 0, { key: 'Grüße', data: Buffer.from('keyed'), properties: { a: 'b' } });
    await collector.untilCount(2);
    assert.deepEqual(
      collector.publications.map((seen) => [seen.channel, seen.text, seen.routed, seen.keyHash, seen.properties]),
      [
        ['lobby', 'plain line', true, javaStringHash('lobby'), {}],
        ['Grüße', 'keyed', true, javaStringHash('Grüße'), { a: 'b' }],
      ],
    );
  });

  test('on a log of several lanes a keyless or misrouted message shows as not routed', async () => {
    const topic = adapter().uniqueTopic('misrouted');
    const log = await (await adapter().newBus()).openLog({ topic, lanes: 2 });
    const lane = log.laneOf('chat');
    const collector = new Collector();
    await log.attach(lane, collector);
    const wrong = ['a', 'b', 'c', 'd'].find((channel) => log.laneOf(channel) !== lane);
    assert.ok(wrong !== undefined);
    await adapter().inject(topic, lane, { data: Buffer.from('keyless') });
    await adapter().inject(topic, lane, { key: wrong, data: Buffer.from('misrouted') });
    await adapter().inject(topic, lane, { data: Buffer.alloc(0), properties: { [markerProperty]: 'test' } });
    await adapter().inject(topic, lane, { key: 'chat', data: Buffer.from('right') });
    await collector.untilCount(3);
    assert.ok(
      collector.seen.every((seen) => !seen.marker || seen.routed),
      'marks are at home in any lane',
    );
    assert.deepEqual(
      collector.publications.map((seen) => [seen.text, seen.routed]),
      [
        ['keyless', false],
        ['misrouted', false],
        ['right', true],
      ],
    );
  });

  test('Pharos’s own marks show as such, and take an offset', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('marks') });
    const collector = new Collector();
    const tail = await log.attach(0, collector);
    const head = tail.head;
    await append(log, 'chat', 'mark', { [markerProperty]: 'test' });
    await append(log, 'chat', 'publication', { other: 'property' });
    await collector.untilCount(1);
    assert.deepEqual(
      collector.seen.map((seen) => [seen.offset - head, seen.marker]),
      [
        [1, true],
        [2, false],
      ],
    );
  });

  test('a closed tail is not called any more, even from inside its own handler', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('stop') });
    const other = new Collector();
    await log.attach(0, other);
    const got: string[] = [];
    const tail = await log.attach(0, {
      entry: (entry) => {
        got.push(...readEntry(entry).map((seen) => seen.text));
        closing = tail.close();
      },
      turnEnd: () => got.push('turn end'),
      ended: () => got.push('ended'),
    });
    let closing: Promise<void> | undefined;
    for (const text of texts('m', 3)) await append(log, 'chat', text);
    await other.untilCount(3);
    await closing;
    assert.deepEqual(got, ['m0']);
    assert.equal(tail.connected, false);
  });

  test('closing the bus in the middle of a stream ends its tails silently', async () => {
    const topic = adapter().uniqueTopic('middle');
    const [bus, writer] = await Promise.all([adapter().newBus(), adapter().newBus()]);
    const log = await writer.openLog({ topic });
    const collector = new Collector();
    await (await bus.openLog({ topic })).attach(0, collector);
    const appended = Promise.all(texts('m', 500).map((text) => append(log, 'chat', text)));
    await collector.untilCount(1);
    await bus.close();
    const count = collector.seen.length;
    await appended;
    await append(log, 'chat', 'last');
    assert.equal(collector.seen.length, count);
    assert.deepEqual(collector.endings, []);
  });
}
