import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { historyRemoveMarker, markerProperty, skipHistoryProperty } from '@pharos/bus';
import type { Json } from '../support/clients.ts';
import { metric } from '../support/metrics.ts';
import { append, call, codeOf, dataOf, numbers, resume, setStore, type TestStore } from '../support/store-setting.ts';
import type { World } from '../support/world.ts';

/** What lies beyond the ring comes from the store. */
export function storeScenarios(makeWorld: () => World, makeStore: (t: TestContext) => Promise<TestStore>): void {
  test('what the ring no longer has comes from the store, the rest from the ring, all in order, once', async (t) => {
    const setting = await setStore(t, makeWorld(), await makeStore(t));
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
    const setting = await setStore(t, makeWorld(), await makeStore(t));
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
    const setting = await setStore(t, makeWorld(), await makeStore(t));
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
    const setting = await setStore(t, makeWorld(), await makeStore(t));
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
    const setting = await setStore(t, makeWorld(), await makeStore(t), env);
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
    const setting = await setStore(t, makeWorld(), await makeStore(t));
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
