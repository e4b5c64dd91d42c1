import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '@pharos/testkit';
import type { Leave, Owner, PresenceStore } from '@pharos/presence';
import { about, clients, join, leave, longMs, member, newOwner, type PresenceUnderTest, unique } from './harness.ts';

/** Leases, tombstones, and what a reaper needs. */
export function nodeTests(adapter: () => PresenceUnderTest): void {
  async function leaseOf(store: PresenceStore, { node, generation }: Owner): Promise<string | undefined> {
    const known = (await store.nodes()).find(({ owner }) => owner.node === node && owner.generation === generation);
    return known === undefined ? undefined : (known.lease?.toString() ?? 'none');
  }

  test('a lease ends unless it is renewed; members of a node without one are left out, and counted still', async () => {
    const store = adapter().newStore();
    const owner = await newOwner(store);
    const dying = { node: unique('node'), generation: 'g1' };
    assert.equal(await store.acquire(dying, Buffer.from('says this'), 300), true);
    const channel = unique('lease');
    await join(store, channel, owner, member('a'));
    await join(store, channel, dying, member('b'));
    assert.deepEqual(await clients(store, channel), ['a', 'b']);
    assert.equal(await store.renew(dying, Buffer.from('and that'), 300), true);
    assert.equal(await leaseOf(store, dying), 'and that');
    await eventually(async () => ((await leaseOf(store, dying)) === 'none' ? true : undefined), 'end of the lease');
    assert.deepEqual(await clients(store, channel), ['a']);
    assert.deepEqual(await store.stats(channel), { clients: 2, users: 1 });
    assert.equal(await store.renew(dying, about, 300), false);
    assert.equal(await store.acquire(dying, about, longMs), true, 'nobody has buried it');
    assert.deepEqual(await clients(store, channel), ['a', 'b']);
    await store.release(dying);
    assert.equal(await store.renew(dying, about, longMs), false);
  });

  test('a generation is buried only without a lease, and then for good; another of the node is not', async () => {
    const store = adapter().newStore();
    const owner = await newOwner(store);
    assert.equal(await store.bury(owner), false);
    await store.release(owner);
    assert.equal(await store.bury(owner), true);
    assert.equal(await store.bury(owner), true, 'another reaper finds the same');
    assert.equal(await store.renew(owner, about, longMs), false);
    assert.equal(await store.acquire(owner, about, longMs), false);
    await store.forget(owner);
    assert.equal(await store.acquire(owner, about, longMs), false);
    assert.equal(await store.acquire({ ...owner, generation: 'next' }, about, longMs), true);
  });

  test('the index of a generation holds its channels until they are taken off it', async () => {
    const store = adapter().newStore();
    const [owner, other] = [await newOwner(store), await newOwner(store)];
    assert.deepEqual(await store.channelsOf(owner), []);
    await store.index(owner, ['a', '}x', 'a']);
    await store.index(owner, []);
    await store.index(other, ['z']);
    assert.deepEqual(new Set(await store.channelsOf(owner)), new Set(['a', '}x']));
    await store.unindex(owner, ['a', 'never']);
    assert.deepEqual(await store.channelsOf(owner), ['}x']);
    await store.forget(owner);
    assert.deepEqual(await store.channelsOf(owner), []);
    assert.equal(await leaseOf(store, owner), undefined);
    assert.equal(await leaseOf(store, other), 'about');
  });

  test('what a generation left in a channel is taken out, page by page, and nobody else', async () => {
    const store = adapter().newStore();
    const [owner, other] = [await newOwner(store), await newOwner(store)];
    const channel = unique('sweep');
    const ids = Array.from({ length: 1_200 }, (_value, index) => `c${index}`);
    await store.change(
      ids.map((client, index) => {
        const of = index % 3 === 0 ? other : owner;
        return { do: 'join', channel, id: client, owner: of, member: member(client, `u${index % 10}`) };
      }),
    );
    const before = await leave(store, channel, 'c1', 'crashed');
    await store.takeOut(owner, channel);
    await store.takeOut(owner, channel);
    assert.deepEqual(await store.stats(channel), { clients: 400, users: 10 });
    const owed: Leave[] = [];
    let from: string | undefined;
    do {
      const page = await store.owedLeaves(owner, channel, from);
      owed.push(...page.leaves);
      from = page.next;
    } while (from !== undefined);
    assert.deepEqual(
      new Set(owed.map(({ client }) => client)),
      new Set(ids.filter((_client, index) => index % 3 !== 0)),
    );
    assert.equal(new Set(owed.map(({ id }) => id)).size, 800);
    assert.deepEqual(
      owed.find(({ client }) => client === 'c1'),
      before,
    );
    assert.deepEqual((await store.owedLeaves(other, channel)).leaves, []);
    await store.change(owed.map(({ client, id }) => ({ do: 'settle', channel, client, id })));
    assert.deepEqual(await store.owedLeaves(owner, channel), { leaves: [], next: undefined });
  });

  test('names that make no sense are refused, and a closed store says so', async () => {
    const store = adapter().newStore();
    const generation = 'g@1';
    await assert.rejects(store.acquire({ node: 'n', generation }, about, 1), { code: 'invalid', message: /'g@1'/ });
    await assert.rejects(store.acquire({ node: '', generation: 'g' }, about, 1), { code: 'invalid' });
    await assert.rejects(store.acquire({ node: 'n', generation: 'g' }, about, 0), { code: 'invalid' });
    await store.close();
    await assert.rejects(store.members('c'), { code: 'closed', retryable: false });
  });
}
