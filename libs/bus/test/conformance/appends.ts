import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, appendDeadlineMs, type BusUnderTest, Collector, texts } from './harness.ts';

/** Appending: receipts, bounds, deadlines, closing. */
export function appendTests(adapter: () => BusUnderTest): void {
  test('receipts and cursors give the same positions', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('positions') });
    const collector = new Collector();
    await log.attach(0, collector);
    const alone = await append(log, 'chat', 'alone');
    const together = await Promise.all(texts('m', 50).map((text) => append(log, 'chat', text)));
    await collector.untilCount(51);
    assert.deepEqual(
      collector.publications.map((seen) => seen.position),
      [alone, ...together].map((receipt) => receipt.position),
    );
    assert.equal(new Set(collector.publications.map((seen) => seen.position)).size, 51);
  });

  test('data is copied: changing it after append changes nothing', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('copy') });
    const collector = new Collector();
    await log.attach(0, collector);
    const data = Buffer.from('before');
    const appended = log.append({ channel: 'chat', data }, appendDeadlineMs);
    data.fill('x');
    await appended;
    await collector.untilCount(1);
    assert.deepEqual(collector.texts, ['before']);
  });

  test('properties arrive as they are', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('properties') });
    const collector = new Collector();
    await log.attach(0, collector);
    const properties = { 'pharos-user': 'ünï 😀', empty: '', traceparent: '00-ab-cd-01' };
    await append(log, 'chat', 'with', properties);
    await append(log, 'chat', 'without');
    await collector.untilCount(2);
    assert.deepEqual(
      collector.publications.map((seen) => seen.properties),
      [properties, {}],
    );
  });

  test('any bytes pass through, none at all too', async () => {
    const log = await (await adapter().newBus()).openLog({ topic: adapter().uniqueTopic('bytes') });
    const got: Buffer[] = [];
    const collector = new Collector();
    await log.attach(0, {
      entry: (entry) => {
        const cursor = entry.publications();
        while (cursor.next()) got.push(Buffer.from(cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd)));
        collector.entry(entry);
      },
    });
    const sent = [Buffer.alloc(0), Buffer.from([0, 255, 254, 0x0e, 0x01]), Buffer.alloc(300_000, 7)];
    for (const data of sent) await log.append({ channel: 'chat', data }, appendDeadlineMs);
    await collector.untilCount(3);
    assert.deepEqual(got, sent);
  });

  test('a publication larger than the log takes is refused, the largest passes', async () => {
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic: adapter().uniqueTopic('large') });
    const largest = 5 * 1024 * 1024 - 4096;
    await assert.rejects(
      log.append({ channel: 'chat', data: Buffer.alloc(largest) }, appendDeadlineMs),
      { code: 'too-large' },
      'the key counts',
    );
    await log.append({ channel: 'chat', data: Buffer.alloc(largest - 4) }, appendDeadlineMs);
    const properties = { big: 'x'.repeat(largest) };
    const padded = log.append({ channel: 'c', data: Buffer.alloc(0), properties }, appendDeadlineMs);
    await assert.rejects(padded, { code: 'too-large' }, 'properties count');
  });

  test('appends that wait are bounded in number and bytes; nothing of what is refused is written', async () => {
    const topic = adapter().uniqueTopic('bounds');
    const bus = await adapter().newBus({ maxPendingAppends: 10, maxPendingBytes: 1000 });
    const log = await bus.openLog({ topic });
    const collector = new Collector();
    await log.attach(0, collector);
    const settled = await Promise.allSettled(texts('n', 12).map((text) => append(log, 'chat', text)));
    const refused = settled.filter((outcome) => outcome.status === 'rejected');
    assert.deepEqual(
      refused.map((outcome) => (outcome.reason as { code: string }).code),
      ['queue-full', 'queue-full'],
    );
    const wide = await Promise.allSettled(texts('w', 3).map((text) => append(log, 'chat', text.padEnd(450))));
    assert.deepEqual(
      wide.map((outcome) => outcome.status),
      ['fulfilled', 'fulfilled', 'rejected'],
    );
    await append(log, 'chat', 'after');
    await collector.until(() => collector.texts.at(-1) === 'after', 'the last append');
    assert.deepEqual(
      collector.texts.map((text) => text.trim()),
      [...texts('n', 10), 'w0', 'w1', 'after'],
    );
  });

  test('an append whose deadline passes before anything was written says so, and is not written later', async () => {
    const topic = adapter().uniqueTopic('deadline');
    const log = await (await adapter().newBus()).openLog({ topic });
    const collector = new Collector();
    await log.attach(0, collector);
    await append(log, 'chat', 'before');
    const resume = await adapter().interrupt();
    await collector.until(() => collector.connections.includes(false), 'the connection to be lost');
    const late = log.append({ channel: 'chat', data: Buffer.from('late') }, 200);
    const patient = append(log, 'chat', 'patient');
    await assert.rejects(late, { code: 'deadline', retryable: true });
    await resume();
    await patient;
    await append(log, 'chat', 'after');
    await collector.until(() => collector.texts.at(-1) === 'after', 'the last append');
    assert.deepEqual(collector.texts, ['before', 'patient', 'after']);
    assert.deepEqual(collector.connections, [false, true]);
    assert.deepEqual(collector.holes, []);
  });

  test('close waits for the appends that are under way', async () => {
    const topic = adapter().uniqueTopic('flush');
    const bus = await adapter().newBus();
    const log = await bus.openLog({ topic });
    const appended = texts('m', 100).map((text) => append(log, 'chat', text));
    await bus.close();
    assert.equal((await Promise.all(appended)).length, 100);
    const collector = new Collector();
    await (await (await adapter().newBus()).openLog({ topic })).attach(0, collector, { at: 'earliest' });
    await collector.untilCount(100);
    assert.deepEqual(collector.texts, texts('m', 100));
  });
}
