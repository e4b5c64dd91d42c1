import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { historyRemoveMarker, markerProperty } from '@pharos/bus';
import { type Json, ProtocolClient } from '../support/clients.ts';
import type { TestEdge } from '../support/edge.ts';
import { metric } from '../support/metrics.ts';
import { append, codeOf, dataOf, numbers, resume, setStore, type TestStore } from '../support/store-setting.ts';
import { startEdge, startOutsider, type World } from '../support/world.ts';

interface HistoryResult {
  readonly epoch: string;
  readonly offset?: number;
  readonly publications?: readonly { readonly data: unknown; readonly offset: number }[];
}

async function ask(t: TestContext, edge: TestEdge, options: Json): Promise<HistoryResult> {
  const client = await ProtocolClient.connect(t, edge);
  const reply = await client.call({ history: { channel: 'room', ...options } });
  assert.ok(reply['history'] !== undefined, JSON.stringify(reply));
  return reply['history'] as HistoryResult;
}

/** Page after page, as an application does it: on from the last publication, until none comes. */
async function pageThrough(t: TestContext, edge: TestEdge, limit: number, reverse: boolean): Promise<unknown[]> {
  const all: unknown[] = [];
  let since: Json | undefined;
  for (;;) {
    const page = await ask(t, edge, { limit, reverse, ...(since === undefined ? {} : { since }) });
    const last = page.publications?.at(-1);
    if (last === undefined) return all;
    assert.ok((page.publications?.length ?? 0) <= limit);
    all.push(...dataOf(page));
    since = { offset: last.offset, epoch: page.epoch };
  }
}

/** The command `history`, and the recovery mode that sends the newest publication. */
export function historyScenarios(makeWorld: () => World, makeStore: (t: TestContext) => Promise<TestStore>): void {
  test('history pages both ways over ring and store; what was delivered is in it', async (t) => {
    const setting = await setStore(t, makeWorld(), await makeStore(t));
    const { edge, evict, writer } = setting;
    await append(setting, 1, 12);
    await evict();
    const { offset = 0 } = await ask(t, edge, { limit: 0 });
    await writer.has(offset);
    writer.hold();
    await append(setting, 13, 20);
    for (const limit of [3, 5, 100]) {
      assert.deepEqual(await pageThrough(t, edge, limit, false), numbers(1, 20));
      assert.deepEqual(await pageThrough(t, edge, limit, true), numbers(1, 20).reverse());
    }
    const position = await ask(t, edge, { limit: 0 });
    assert.deepEqual([dataOf(position), (position.offset ?? 0) > offset], [[], true]);
    assert.ok((await metric(edge, 'pharos_edge_history_pages_total', { outcome: 'store' })) > 0);
    assert.ok((await metric(edge, 'pharos_edge_history_pages_total', { outcome: 'ring' })) > 0);
  });

  test('a page is capped, and refused where it would skip something, or is of another life', async (t) => {
    const env = {
      PHAROS_CLIENT_HISTORY_MAX_PUBLICATION_LIMIT: '4',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '6',
    };
    const setting = await setStore(t, makeWorld(), await makeStore(t), env);
    const { edge } = setting;
    await append(setting, 1, 10);
    assert.deepEqual(dataOf(await ask(t, edge, { limit: -1 })), numbers(5, 8));
    assert.deepEqual(dataOf(await ask(t, edge, { limit: 100, reverse: true })), [10, 9, 8, 7]);
    const { epoch, publications = [] } = await ask(t, edge, { limit: 4 });
    const first = publications[0]?.offset ?? 0;
    const client = await ProtocolClient.connect(t, edge);
    const codeFor = async (since: Json): Promise<unknown> =>
      codeOf(await client.call({ history: { channel: 'room', limit: 2, since } }));
    assert.equal(await codeFor({ offset: first, epoch: 'another.1' }), 112);
    assert.equal(await codeFor({ offset: first - 1, epoch }), undefined);
    assert.equal(await codeFor({ offset: first - 2, epoch }), 112);
    assert.equal(await codeFor({ offset: 0, epoch }), undefined);
  });

  test('history that only a store has is put off while that is away, and had afterwards', async (t) => {
    const setting = await setStore(t, makeWorld(), await makeStore(t));
    const { edge, evict, history } = setting;
    await append(setting, 1, 3);
    await evict();
    await append(setting, 4, 5);
    history.away = true;
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(codeOf(await client.call({ history: { channel: 'room', limit: 10 } })), 100);
    assert.deepEqual(dataOf(await ask(t, edge, { limit: 2, reverse: true })), [5, 4]);
    history.away = false;
    assert.deepEqual(dataOf(await ask(t, edge, { limit: 10 })), numbers(1, 5));
  });

  test('with replay history goes back as far as the log, past what the store keeps, and shows nothing that was removed', async (t) => {
    const env = {
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_REPLAY: 'true',
      PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '5',
    };
    const setting = await setStore(t, makeWorld(), await makeStore(t), env);
    const { edge, evict, outsider } = setting;
    await append(setting, 1, 40);
    await evict();
    await append(setting, 41, 44);
    for (const limit of [7, 100]) {
      assert.deepEqual(await pageThrough(t, edge, limit, false), numbers(1, 44));
      assert.deepEqual(await pageThrough(t, edge, limit, true), numbers(1, 44).reverse());
    }
    assert.ok((await metric(edge, 'pharos_edge_history_pages_total', { outcome: 'log' })) > 0);
    // A resume is bounded as ever.
    const { epoch, publications = [] } = await ask(t, edge, { limit: 1 });
    const resumed = await resume(t, edge, { recover: true, epoch, offset: publications[0]?.offset ?? 0 });
    assert.equal(resumed.recovered, undefined);
    await outsider.append('room', '', { [markerProperty]: historyRemoveMarker });
    await append(setting, 45, 60);
    await evict();
    await append(setting, 61, 62);
    assert.deepEqual(await pageThrough(t, edge, 7, false), numbers(45, 62));
    assert.deepEqual(await pageThrough(t, edge, 7, true), numbers(45, 62).reverse());
  });

  test('without a store history goes as far as the ring, and never claims to be whole', async (t) => {
    const world = makeWorld();
    const edge = await startEdge(t, world, { env: { PHAROS_RING_MAX_LANE_SIZE: '64KiB' } });
    const outsider = await startOutsider(t, world);
    const witness = await ProtocolClient.connect(t, edge);
    await witness.subscribe('room');
    for (let number = 1; number <= 3; number++) await outsider.append('room', String(number));
    await witness.publications.waitForCount(3);
    const { publications = [], epoch } = await ask(t, edge, { limit: 10 });
    assert.deepEqual(dataOf({ publications }), [1, 2, 3]);
    for (let number = 4; number <= 9; number++) await outsider.append('room', JSON.stringify('x'.repeat(20_000)));
    await witness.publications.waitForCount(9);
    const since = { offset: publications[0]?.offset ?? 0, epoch };
    const reply = await witness.call({ history: { channel: 'room', limit: 10, since } });
    assert.equal(codeOf(reply), 112);
    assert.ok(((await ask(t, edge, { limit: 10 })).publications?.length ?? 0) >= 1);
  });

  test('who may not, and where nothing is kept, is told so', async (t) => {
    const closed = {
      allow_history_for_anonymous: false,
      allow_subscribe_for_anonymous: true,
      history_size: 10,
      history_ttl: '1m',
    };
    const world = makeWorld();
    const namespaces = [
      { name: 'none', log: world.topic, history_size: 0 },
      { name: 'members', log: world.topic, ...closed },
    ];
    const edge = await startEdge(t, world, { env: { PHAROS_CHANNEL_NAMESPACES: JSON.stringify(namespaces) } });
    const client = await ProtocolClient.connect(t, edge);
    const codeOn = (channel: string): Promise<number> => client.errorOf({ history: { channel, limit: 1 } });
    assert.equal(await codeOn('none:a'), 108);
    assert.equal(await codeOn('members:a'), 103);
    await client.subscribe('members:a');
    assert.equal(await codeOn('members:a'), 0);
    assert.equal(await codeOn('unheard:of'), 102);
    assert.equal(await codeOn(''), 107);
  });

  test('in recovery mode cache a subscriber is sent the newest publication, if it hasn’t got it, from ring or store', async (t) => {
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY_MODE: 'cache' };
    const setting = await setStore(t, makeWorld(), await makeStore(t), env);
    const { edge, evict, writer, history } = setting;
    // Nothing was ever published, in whatever channel; or only in others.
    const empty = await resume(t, edge, { recover: true });
    await setting.outsider.append('other', '1');
    await writer.has((empty.offset ?? 0) + 1);
    const none = await resume(t, edge, { recover: true });
    assert.deepEqual([empty.recovered, dataOf(empty), none.recovered, dataOf(none)], [undefined, [], undefined, []]);
    await append(setting, 1, 3);
    const fresh = await resume(t, edge, { recover: true });
    assert.deepEqual([fresh.recovered, dataOf(fresh)], [true, [3]]);
    const { epoch, offset = 0 } = fresh;
    const same = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([same.recovered, dataOf(same)], [true, []]);
    await evict();
    await writer.has(offset + 1);
    const stored = await resume(t, edge, { recover: true });
    assert.deepEqual([stored.recovered, dataOf(stored)], [true, [3]]);
    const unchanged = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([unchanged.recovered, dataOf(unchanged)], [true, []]);
    history.away = true;
    const client = await ProtocolClient.connect(t, edge);
    assert.equal(codeOf(await client.subscribe('room', { recoverable: true, recover: true })), 100);
  });
}
