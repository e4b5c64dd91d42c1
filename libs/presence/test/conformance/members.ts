import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '@pharos/presence';
import { clients, join, leave, member, newOwner, one, type PresenceUnderTest, settle, unique } from './harness.ts';

/** Joining, leaving, who is there and how many. */
export function memberTests(adapter: () => PresenceUnderTest): void {
  test('members are there as they are, whatever channel, client and user are called', async () => {
    const store = adapter().newStore();
    const owner = await newOwner(store, unique('}n@ode'));
    for (const name of ['}x', '{a}', '', 'ü😀\n', '1:2:3']) {
      const channel = unique(name);
      const info = Buffer.from([0, 255, 10, 58, 49]);
      assert.deepEqual(await join(store, channel, owner, { client: name, user: name, info }), {
        fresh: true,
        leave: undefined,
      });
      assert.deepEqual(await store.members(channel), [{ client: name, user: name, info, owner }]);
      assert.deepEqual(await store.stats(channel), { clients: 1, users: 1 });
      const left = await leave(store, channel, name, '5:left');
      assert.deepEqual(left, { id: '5:left', channel, client: name, user: name, info, owner });
      assert.deepEqual(await store.members(channel), []);
      assert.deepEqual(await store.stats(channel), { clients: 0, users: 0 });
    }
  });

  test('users are counted by their clients, and follow a client that becomes another user', async () => {
    const store = adapter().newStore();
    const owner = await newOwner(store);
    const channel = unique('users');
    for (const [client, user] of [
      ['1', 'ann'],
      ['2', 'ann'],
      ['3', ''],
      ['4', ''],
      ['5', 'bob'],
    ] as const) {
      await join(store, channel, owner, member(client, user));
    }
    assert.deepEqual(await store.stats(channel), { clients: 5, users: 3 });
    await leave(store, channel, '1');
    await leave(store, channel, '5');
    assert.deepEqual(await store.stats(channel), { clients: 3, users: 2 });
    await join(store, channel, owner, member('2', 'cid'));
    assert.deepEqual(await store.stats(channel), { clients: 3, users: 2 });
    await leave(store, channel, '2');
    assert.deepEqual(await store.stats(channel), { clients: 2, users: 1 });
    await leave(store, channel, '2');
    assert.deepEqual(await store.stats(channel), { clients: 2, users: 1 }, 'who is gone can’t go again');
  });

  test('a join is fresh once: not for who is there, and the same join repeated is told what it was', async () => {
    const store = adapter().newStore();
    const [owner, other] = [await newOwner(store), await newOwner(store)];
    const channel = unique('fresh');
    for (let round = 0; round < 2; round++) {
      assert.equal((await join(store, channel, owner, member('c'), 'first')).fresh, true);
    }
    for (let round = 0; round < 2; round++) {
      assert.equal((await join(store, channel, other, member('c', 'ann', 'new'), 'second')).fresh, false);
    }
    const [now] = await store.members(channel);
    assert.deepEqual(now, { ...member('c', 'ann', 'new'), owner: other });
    assert.deepEqual(await store.stats(channel), { clients: 1, users: 1 });
  });

  test('a leave is owed until it is settled, under the id that it was given first', async () => {
    const store = adapter().newStore();
    const owner = await newOwner(store);
    const channel = unique('owed');
    await join(store, channel, owner, member('c'));
    const left = await leave(store, channel, 'c', 'l1');
    assert.deepEqual(await leave(store, channel, 'c', 'l1'), left, 'its answer was lost');
    assert.equal(await leave(store, channel, 'c', 'l2'), undefined, 'gone already');
    assert.deepEqual(await store.owedLeaves(owner, channel), { leaves: [left], next: undefined });
    // Comes back before anybody published it: it’s told, so that the leave goes first.
    assert.deepEqual(await join(store, channel, owner, member('c')), { fresh: true, leave: left });
    assert.ok(left !== undefined);
    await settle(store, { ...left, id: 'another' });
    assert.equal((await store.owedLeaves(owner, channel)).leaves.length, 1);
    await settle(store, left);
    assert.deepEqual(await store.owedLeaves(owner, channel), { leaves: [], next: undefined });
    assert.deepEqual(await clients(store, channel), ['c']);
  });

  test('what is late changes nothing: what the same node asked for afterwards stands, and an answer that was lost is given again', async () => {
    const store = adapter().newStore();
    const [former, owner] = [await newOwner(store), await newOwner(store)];
    const channel = unique('late');
    const life = unique('life').replace('-', '');
    const nothing = { fresh: false, leave: undefined };
    await join(store, channel, owner, member('c', 'ann', 'new'), `${life}.10`);
    // 36 > 35: numbers and not texts.
    assert.deepEqual(await join(store, channel, former, member('c', 'bob'), `${life}.z`), nothing);
    assert.equal(await leave(store, channel, 'c', `${life}.z`), undefined);
    assert.deepEqual(await store.members(channel), [{ ...member('c', 'ann', 'new'), owner }]);
    assert.deepEqual(await store.stats(channel), { clients: 1, users: 1 });
    const left = await leave(store, channel, 'c', `${life}.11`);
    assert.equal(left?.id, `${life}.11`);
    assert.deepEqual(await join(store, channel, former, member('c'), `${life}.z`), nothing);
    assert.deepEqual(await join(store, channel, owner, member('c'), `${life}.10`), { fresh: true, leave: undefined });
    assert.deepEqual(await leave(store, channel, 'c', `${life}.11`), left);
    assert.deepEqual(await store.members(channel), []);
    // Another node's numbers are another order.
    assert.equal((await join(store, channel, owner, member('c'), `${life}x.1`)).fresh, true);
    assert.equal((await leave(store, channel, 'c', `${life}.2`))?.id, `${life}.2`);
  });

  test('changes of many channels go together, those of a channel in order', async () => {
    const store = adapter().newStore();
    const owner = await newOwner(store);
    const channels = Array.from({ length: 30 }, () => unique('many'));
    const changes = channels.flatMap((channel, index): Change[] => [
      { do: 'join', channel, id: 'a', owner, member: member('a') },
      { do: 'join', channel, id: 'b', owner, member: member('b') },
      { do: 'leave', channel, id: `l${index}`, client: 'a' },
      { do: 'join', channel, id: 'b2', owner, member: member('b') },
      { do: 'settle', channel, id: `l${index}`, client: 'a' },
    ]);
    const outcomes = await store.change(changes);
    assert.deepEqual(
      outcomes.slice(0, 5).map((outcome) => {
        const { fresh, leave: left } = one([outcome]);
        return [fresh, left?.id];
      }),
      [
        [true, undefined],
        [true, undefined],
        [false, 'l0'],
        [false, undefined],
        [false, undefined],
      ],
    );
    for (const channel of channels) {
      assert.deepEqual(await clients(store, channel), ['b']);
      assert.deepEqual((await store.owedLeaves(owner, channel)).leaves, []);
    }
    assert.deepEqual(await store.change([]), []);
  });
}
