import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { historyRemoveMarker, markerProperty, skipHistoryProperty } from '@pharos/bus';
import type { HistoryStore } from '@pharos/history';
import { type Json, ProtocolClient } from '../support/clients.ts';
import type { TestEdge } from '../support/edge.ts';
import { FaultyHistory } from '../support/faulty-history.ts';
import { HistoryWriter } from '../support/history-writer.ts';
import { metric } from '../support/metrics.ts';
import { type Outsider, startEdge, startOutsider, type World } from '../support/world.ts';

/** A store, and how to empty it as somebody's FLUSHALL does. */
export interface TestStore {
  readonly history: HistoryStore;
  flush(): Promise<void>;
}

interface SubscribeResult {
  readonly epoch: string;
  readonly offset?: number;
  readonly recovered?: boolean;
  readonly publications?: readonly { readonly data: unknown; readonly offset: number }[];
}

const limits = { size: 300, ttlMs: 300_000, metaTtlMs: 600_000 };
/** The ring is so small that a few of these fill it. */
const smallRing = { PHAROS_RING_MAX_LANE_SIZE: '64KiB' };
const filler = JSON.stringify('x'.repeat(20_000));
const fillers = 6;

interface Setting {
  readonly world: World;
  readonly edge: TestEdge;
  readonly outsider: Outsider;
  readonly history: FaultyHistory;
  readonly store: TestStore;
  readonly writer: HistoryWriter;
  /** Follows the channel `room` and the filler's. */
  readonly witness: ProtocolClient;
  /** Pushes all that the ring has out of it. */
  readonly evict: () => Promise<void>;
}

async function set(t: TestContext, world: World, store: TestStore, env = {}): Promise<Setting> {
  const history = new FaultyHistory(store.history);
  const bus = world.bus();
  const writer = await HistoryWriter.start(bus, world.topic, store.history, limits);
  t.after(async () => {
    await writer.stop();
    await bus.close();
  });
  const edge = await startEdge(t, world, { history, env: { ...smallRing, ...env } });
  const outsider = await startOutsider(t, world);
  const witness = await ProtocolClient.connect(t, edge);
  await witness.subscribe('room');
  await witness.subscribe('filler');
  const evict = async (): Promise<void> => {
    const before = witness.publications.items.filter(({ channel }) => channel === 'filler').length;
    for (let number = 1; number <= fillers; number++) await outsider.append('filler', filler);
    await witness.publications.waitUntil(
      () => witness.publications.items.filter(({ channel }) => channel === 'filler').length >= before + fillers,
      'the fillers',
    );
  };
  return { world, edge, outsider, history, store, writer, witness, evict };
}

async function append({ outsider, witness }: Setting, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number++) await outsider.append('room', String(number));
  await witness.publications.waitUntil(() => witness.dataOf('room').includes(to), `${to}`);
}

async function call(t: TestContext, edge: TestEdge, options: Json, channel = 'room'): Promise<Json> {
  const client = await ProtocolClient.connect(t, edge);
  return client.subscribe(channel, { recoverable: true, ...options });
}

async function resume(t: TestContext, edge: TestEdge, options: Json, channel = 'room'): Promise<SubscribeResult> {
  const reply = await call(t, edge, options, channel);
  assert.ok(reply['subscribe'] !== undefined, JSON.stringify(reply));
  return reply['subscribe'] as SubscribeResult;
}

const dataOf = ({ publications = [] }: SubscribeResult): unknown[] => publications.map(({ data }) => data);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const codeOf = (reply: Json): unknown => (reply['error'] as { code?: unknown } | undefined)?.code;

/** What lies beyond the ring comes from the store. */
export function storeScenarios(makeWorld: () => World, makeStore: (t: TestContext) => Promise<TestStore>): void {
  test('what the ring no longer has comes from the store, the rest from the ring, all in order, once', async (t) => {
    const setting = await set(t, makeWorld(), await makeStore(t));
    const { edge, evict, history } = setting;
    const { epoch, offset = 0 } = await resume(t, edge, {});
    await append(setting, 1, 20);
    await evict();
    await append(setting, 21, 25);
    const result = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([result.recovered, dataOf(result)], [true, numbers(1, 25)]);
    assert.equal(history.asked >= 1, true);
    assert.equal(await metric(edge, 'pharos_edge_recovered_total', { tier: 'store' }), 1);
    const again = await resume(t, edge, { recover: true, epoch, offset: result.publications?.at(9)?.offset ?? 0 });
    assert.deepEqual(dataOf(again), numbers(11, 25));
  });

  test('a store that is behind is waited for; one that stays behind is no reason to say that anything is lost', async (t) => {
    const setting = await set(t, makeWorld(), await makeStore(t));
    const { edge, evict, writer } = setting;
    const { epoch, offset = 0 } = await resume(t, edge, {});
    writer.hold();
    await append(setting, 1, 3);
    await evict();
    const put = await call(t, edge, { recover: true, epoch, offset });
    assert.equal(codeOf(put), 100);
    assert.equal((put['error'] as Json)['temporary'], true);
    const waiting = resume(t, edge, { recover: true, epoch, offset });
    writer.go();
    const result = await waiting;
    assert.deepEqual([result.recovered, dataOf(result)], [true, numbers(1, 3)]);
  });

  test('while the store is away the ring still serves, and older positions are put off, not given up', async (t) => {
    const setting = await set(t, makeWorld(), await makeStore(t));
    const { edge, evict, history } = setting;
    const { epoch, offset = 0 } = await resume(t, edge, {});
    await append(setting, 1, 3);
    await evict();
    const middle = await resume(t, edge, {});
    await append(setting, 4, 6);
    history.away = true;
    const near = await resume(t, edge, { recover: true, epoch, offset: middle.offset ?? 0 });
    assert.deepEqual([near.recovered, dataOf(near)], [true, numbers(4, 6)]);
    assert.equal(codeOf(await call(t, edge, { recover: true, epoch, offset })), 100);
    assert.equal(await metric(edge, 'pharos_edge_recoveries_total', { outcome: 'unavailable' }), 1);
    history.away = false;
    const far = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([far.recovered, dataOf(far)], [true, numbers(1, 6)]);
  });

  test('after the store was emptied an old position is put off until it is filled again, and never falsely recovered', async (t) => {
    const setting = await set(t, makeWorld(), await makeStore(t));
    const { edge, evict, writer, store } = setting;
    const { epoch, offset = 0 } = await resume(t, edge, {});
    await append(setting, 1, 3);
    await evict();
    writer.hold();
    await store.flush();
    assert.equal(codeOf(await call(t, edge, { recover: true, epoch, offset })), 100);
    await writer.rebuild();
    writer.go();
    const result = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([result.recovered, dataOf(result)], [true, numbers(1, 3)]);
  });

  test('the namespace’s limit holds over both tiers together', async (t) => {
    const env = { PHAROS_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE: '5' };
    const setting = await set(t, makeWorld(), await makeStore(t), env);
    const { edge, evict } = setting;
    const { epoch, offset = 0 } = await resume(t, edge, {});
    await append(setting, 1, 3);
    await evict();
    await append(setting, 4, 5);
    const five = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([five.recovered, dataOf(five)], [true, numbers(1, 5)]);
    await append(setting, 6, 6);
    const six = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([six.recovered, dataOf(six)], [undefined, []]);
  });

  test('what was removed is not recovered, whichever tier has it; what is kept out of history is not missed', async (t) => {
    const setting = await set(t, makeWorld(), await makeStore(t));
    const { edge, evict, outsider } = setting;
    const { epoch, offset = 0 } = await resume(t, edge, {});
    await append(setting, 1, 2);
    await evict();
    await outsider.append('room', '', { [markerProperty]: historyRemoveMarker });
    await append(setting, 3, 3);
    const lost = await resume(t, edge, { recover: true, epoch, offset });
    assert.deepEqual([lost.recovered, dataOf(lost)], [undefined, []]);
    const had = await resume(t, edge, {});
    await outsider.append('room', '"unseen"', { [skipHistoryProperty]: '1' });
    await outsider.append('room', '', { [markerProperty]: historyRemoveMarker });
    await append(setting, 4, 4);
    const options = { recover: true, epoch, offset: had.offset ?? 0 };
    const fromRing = await resume(t, edge, options);
    assert.deepEqual([fromRing.recovered, dataOf(fromRing)], [true, [4]]);
    await evict();
    const fromStore = await resume(t, edge, options);
    assert.deepEqual([fromStore.recovered, dataOf(fromStore)], [true, [4]]);
  });
}
