import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Log } from '@pharos/bus';
import { unavailable, uniqueTopic } from '@pharos/testkit';
import { append, Collector, texts } from './conformance/harness.ts';
import { adminPath, appendUnderLoad, type LoadResult, type PulsarRig, settle, startRig } from './pulsar-rig.ts';

const count = 20_000;

describe('pulsar bus through outages', { skip: unavailable('pulsar') }, () => {
  let rig: PulsarRig;
  before(async () => {
    rig = await startRig();
  });
  after(() => rig.close());

  /** One bus that appends, and tails of both kinds on two more. */
  async function open(hint: string): Promise<{ log: Log; collectors: Collector[] }> {
    const topic = uniqueTopic(hint);
    const log = await rig.newBus().openLog({ topic });
    const collectors: Collector[] = [];
    for (const tailSubscription of ['failover', 'exclusive'] as const) {
      const collector = new Collector();
      await (await rig.newBus({ tailSubscription }).openLog({ topic })).attach(0, collector);
      collectors.push(collector);
    }
    return { log, collectors };
  }

  /** Everything acknowledged arrived once, in order, with nothing missing and nothing told as lost. */
  async function mustBeWhole(
    context: TestContext,
    log: Log,
    collectors: Collector[],
    result: LoadResult,
  ): Promise<void> {
    assert.deepEqual(result.failed, []);
    assert.equal(result.acknowledged, result.begun);
    await settle(log, collectors);
    for (const collector of collectors) {
      assert.deepEqual(collector.texts, [...texts('m', result.begun), 'end']);
      assert.deepEqual(
        collector.holes.filter((hole) => hole.kind === 'lost'),
        [],
      );
      assert.deepEqual(collector.endings, []);
      assert.notEqual(collector.connections.at(-1), false);
      const offsets = collector.seen.map((seen) => seen.offset);
      assert.ok(
        offsets.every((offset, index) => index === 0 || offset > (offsets[index - 1] ?? 0)),
        'offsets only grow',
      );
      context.diagnostic(
        `acknowledged ${result.acknowledged + 1}, received ${collector.publications.length} in ${collector.entries} entries, ` +
          `lost 0, repeated 0, out of order 0, connection lost ${collector.connections.filter((up) => !up).length} times`,
      );
    }
  }

  test('kill -9 and restart of the broker under load', async (context) => {
    const { log, collectors } = await open('kill');
    const result = await appendUnderLoad(log, count, () => rig.server.restart('kill'));
    await mustBeWhole(context, log, collectors, result);
  });

  test('connections that are cut again and again under load', async (context) => {
    const { log, collectors } = await open('cut');
    const [first] = collectors;
    const result = await appendUnderLoad(log, count, async () => {
      for (let cuts = 0; cuts < 6; cuts++) {
        await first?.untilCount(first.publications.length + 500);
        // In the middle of a frame that comes, of one that goes, and everywhere at once.
        if (cuts % 3 === 0) await rig.proxy.cutAfter('down', 5000 + cuts);
        else if (cuts % 3 === 1) await rig.proxy.cutAfter('up', 5000 + cuts);
        else rig.proxy.cutAll();
      }
    });
    assert.ok((first?.connections.filter((up) => !up).length ?? 0) >= 2, 'the tail was cut off');
    await mustBeWhole(context, log, collectors, result);
  });

  test('a stream that arrives in pieces of a few bytes', async () => {
    const { log, collectors } = await open('split');
    rig.proxy.split('down', 7);
    try {
      await Promise.all(texts('m', 50).map((text) => append(log, 'chat', text)));
      await settle(log, collectors);
    } finally {
      rig.proxy.heal();
    }
    for (const collector of collectors) assert.deepEqual(collector.texts, [...texts('m', 50), 'end']);
  });

  test('a topic that is unloaded under load', async (context) => {
    const { log, collectors } = await open('unload');
    const result = await appendUnderLoad(log, count, () => rig.admin('PUT', `${adminPath(log.topic)}/unload`));
    await mustBeWhole(context, log, collectors, result);
  });

  test('what nobody has read yet outlives a restart of the broker', async () => {
    const topic = uniqueTopic('unread');
    const log = await rig.newBus().openLog({ topic });
    const tail = await log.attach(0, new Collector());
    const { position, head: offset } = tail;
    await tail.close();
    await Promise.all(texts('m', 100).map((text) => append(log, 'chat', text)));
    await rig.server.restart('kill');
    await append(log, 'chat', 'after the restart');
    await rig.admin('PUT', `${adminPath(log.topic)}/unload`);
    await append(log, 'chat', 'after the unload');
    const collector = new Collector();
    await log.attach(0, collector, { at: 'after', position, offset });
    await collector.untilCount(102);
    assert.deepEqual(collector.texts, [...texts('m', 100), 'after the restart', 'after the unload']);
  });

  test('what retention took is told: a position that is gone, a head that is still known', async () => {
    const { log } = await open('trim');
    const collector = new Collector();
    await log.attach(0, collector);
    for (const text of texts('m', 5)) await append(log, 'chat', text);
    await collector.untilCount(5);
    const [first] = collector.publications;
    assert.ok(first !== undefined);
    // Unloading closes the ledger that has them; truncating takes closed ledgers away.
    await rig.admin('PUT', `${adminPath(log.topic)}/unload`);
    await append(log, 'chat', 'm5');
    await collector.untilCount(6);
    await rig.admin('DELETE', `${adminPath(log.topic)}/truncate`);
    const { position, offset } = first;
    await assert.rejects(log.attach(0, new Collector(), { at: 'after', position, offset }), { code: 'position-gone' });
    const later = new Collector();
    const tail = await log.attach(0, later);
    assert.ok(tail.head >= (collector.publications[5]?.offset ?? Infinity));
    const all = new Collector();
    await log.attach(0, all, { at: 'earliest' });
    await append(log, 'chat', 'after');
    await Promise.all([later, all].map((each) => each.until(() => each.texts.at(-1) === 'after', 'the last one')));
    assert.deepEqual([later.texts, all.texts], [['after'], ['m5', 'after']]);
    await collector.untilCount(7);
    assert.deepEqual(
      collector.holes.filter((hole) => hole.kind === 'lost'),
      [],
    );
  });

  test('a topic that is deleted ends its tails', async () => {
    const { log, collectors } = await open('delete');
    await append(log, 'chat', 'before');
    await Promise.all(collectors.map((collector) => collector.untilCount(1)));
    await log.close();
    await rig.admin('DELETE', `${adminPath(log.topic)}?force=true`);
    await Promise.all(
      collectors.map((collector) => collector.until(() => collector.endings.length > 0, 'the end of the log')),
    );
    for (const collector of collectors) {
      assert.equal((collector.endings[0] as Error & { code?: string }).code, 'log-ended');
    }
  });
});
