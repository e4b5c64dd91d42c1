import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { type Leave, LeaveIds, PresenceError, PresenceNode } from '@pharos/presence';
import { eventually } from '@pharos/testkit';
import { member } from './conformance/harness.ts';
import { altered, Fleet } from './fleet.ts';

let fleet: Fleet;
beforeEach(() => {
  fleet = new Fleet();
});
afterEach(() => fleet.stop());

describe('a node and its members', () => {
  test('join, leave, settle; channels without members go off the index', async () => {
    const node = await fleet.node('a');
    const { owner } = node;
    assert.ok(owner !== undefined);
    assert.deepEqual(await node.join('x', member('c')), { fresh: true, leave: undefined });
    assert.deepEqual(await node.join('y', member('c')), { fresh: true, leave: undefined });
    const left = await node.leave('x', 'c');
    assert.equal(left?.client, 'c');
    assert.equal(await node.leave('x', 'c'), undefined);
    await node.beat();
    assert.deepEqual(await fleet.memory.channelsOf(owner), ['x', 'y'], 'a leave is owed there');
    await node.settle(left);
    await node.beat();
    assert.deepEqual(await fleet.memory.channelsOf(owner), ['y']);
    await node.join('x', member('d'));
    assert.deepEqual(new Set(await fleet.memory.channelsOf(owner)), new Set(['x', 'y']));
  });

  test('a channel is on the index before anybody is in it', async () => {
    const order: string[] = [];
    const store = altered(fleet.memory, {
      index: async (owner, channels) => {
        await fleet.memory.index(owner, channels);
        order.push(`index ${channels.join()}`);
      },
      change: (changes) => {
        order.push(`change ${changes.map(({ channel }) => channel).join()}`);
        return fleet.memory.change(changes);
      },
    });
    const node = await fleet.node('a', store);
    await Promise.all([node.join('x', member('1')), node.join('x', member('2')), node.join('y', member('1'))]);
    await node.join('x', member('3'));
    assert.deepEqual(order, ['index x,y', 'change x,x,y', 'index ', 'change x']);
  });

  test('changes wait for a store that is away, in order, and none is lost', async () => {
    let failures = 3;
    const store = altered(fleet.memory, {
      change: (changes) => {
        const failed = changes.map(() => new PresenceError('unavailable', 'away'));
        return failures-- > 0 ? Promise.resolve(failed) : fleet.memory.change(changes);
      },
    });
    const node = await fleet.node('a', store);
    const joined = node.join('x', member('c'));
    const left = node.leave('x', 'c');
    const again = node.join('x', member('c'));
    assert.equal((await joined).fresh, true);
    assert.equal((await left)?.client, 'c');
    assert.equal((await again).leave?.id, (await left)?.id);
    assert.deepEqual(await fleet.clients('x'), ['c']);
    assert.equal(fleet.errors.length, 3);
  });

  test('what can’t be tried again fails, and isn’t announced later', async () => {
    const failed = new PresenceError('failed', 'broken');
    let broken = true;
    const store = altered(fleet.memory, {
      change: (changes) => (broken ? Promise.resolve(changes.map(() => failed)) : fleet.memory.change(changes)),
    });
    const node = await fleet.node('a', store);
    await assert.rejects(node.join('x', member('c')), { code: 'failed' });
    broken = false;
    await fleet.pass(node);
    assert.deepEqual(await fleet.clients('x'), []);
  });

  test('waiting changes are bounded; stopping fails them', async () => {
    const store = altered(fleet.memory, { acquire: () => Promise.reject(new PresenceError('unavailable', 'away')) });
    const node = await fleet.node('a', store, { maxWaitingChanges: 2 });
    const waiting = [node.join('x', member('1')), node.join('x', member('2'))];
    await assert.rejects(node.join('x', member('3')), { code: 'queue-full', retryable: true });
    const closed = waiting.map((one) => assert.rejects(one, { code: 'closed' }));
    await node.stop();
    await Promise.all(closed);
    await assert.rejects(node.join('x', member('4')), { code: 'closed' });
  });

  test('its lease gone without a tombstone: the same generation, announced again, silently', async () => {
    const node = await fleet.node('a');
    await node.join('x', member('c'));
    const { owner } = node;
    assert.ok(owner !== undefined);
    await fleet.memory.change([
      { do: 'leave', channel: 'x', id: 'lost', client: 'c' },
      { do: 'settle', channel: 'x', id: 'lost', client: 'c' },
    ]);
    await fleet.memory.unindex(owner, ['x']);
    await fleet.pass(node);
    assert.deepEqual(node.owner, owner);
    assert.deepEqual(await fleet.clients('x'), ['c']);
    assert.deepEqual(await fleet.memory.channelsOf(owner), ['x']);
    assert.deepEqual(fleet.rejoined, []);
  });

  test('after its connection was lost: another generation takes the members over, silently', async () => {
    let session = 1;
    const store = altered(fleet.memory, {
      get session() {
        return session;
      },
    });
    const node = await fleet.node('a', store);
    await node.join('x', member('c'));
    const { owner } = node;
    session++;
    await node.beat();
    await fleet.settled(node);
    assert.notDeepEqual(node.owner, owner);
    assert.deepEqual(await fleet.clients('x'), ['c']);
    assert.deepEqual(fleet.rejoined, []);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await fleet.leases(), 2, 'who has read its members a moment ago still finds the former alive');
    await fleet.formerEnds(node);
    // A member that a fail-over brought back under the old one is a ghost for two leases only.
    assert.ok(owner !== undefined);
    await fleet.memory.change([{ do: 'join', channel: 'x', id: 'j', owner, member: member('ghost') }]);
    const reaper = fleet.reaper();
    await reaper.look();
    await fleet.pass(node);
    assert.deepEqual(await reaper.look(), [owner]);
    assert.deepEqual(await fleet.memory.stats('x'), { clients: 1, users: 1 });
  });

  test('draining: what waits is written; an empty node forgets itself, another leaves its members to the reaper', async () => {
    const [empty, full] = [await fleet.node('empty'), await fleet.node('full')];
    const joined = full.join('x', member('c'));
    await Promise.all([empty.drain(), full.drain()]);
    await joined;
    const nodes = await fleet.memory.nodes();
    assert.deepEqual(
      nodes.map(({ owner, lease }) => [owner.node, lease]),
      [['full', undefined]],
    );
  });

  test('options that make no sense are refused by name', () => {
    const options = { node: 'a', about: () => Buffer.alloc(0), onRejoined: () => undefined, onError: () => undefined };
    assert.throws(() => new PresenceNode(fleet.memory, { ...options, leaseMs: 0 }), { message: /leaseMs is 0/ });
    const tooSlow = { ...options, leaseMs: 10, renewMs: 6 };
    assert.throws(() => new PresenceNode(fleet.memory, tooSlow), { message: /renewMs is 6, expected at most half/ });
  });
});

describe('reaping', () => {
  test('a killed node: every leave once, within two leases; the living stay, and nothing is left of it', async () => {
    const [dead, living] = [await fleet.node('dead'), await fleet.node('living')];
    for (const client of ['1', '2']) await dead.join('x', member(client));
    await dead.join('y', member('1'));
    await living.join('x', member('3'));
    const { owner } = dead;
    await dead.stop();
    const reaper = fleet.reaper();
    await reaper.look();
    await fleet.pass(living);
    assert.deepEqual(await reaper.look(), [], 'absent once');
    assert.deepEqual(await fleet.clients('x'), ['3'], 'not shown even before');
    await fleet.pass(living);
    assert.deepEqual(await reaper.look(), [owner]);
    const leaves = fleet.published.map(({ channel, client }) => `${channel} ${client}`);
    assert.deepEqual(new Set(leaves), new Set(['x 1', 'x 2', 'y 1']));
    assert.equal(leaves.length, 3);
    assert.deepEqual(await fleet.memory.stats('x'), { clients: 1, users: 1 });
    assert.deepEqual(
      (await fleet.memory.nodes()).map((status) => status.owner),
      [living.owner],
    );
    await fleet.pass(living);
    assert.deepEqual(await reaper.look(), []);
    assert.equal(fleet.published.length, 3);
  });

  test('a frozen node that comes back: another generation, its members again, with joins', async () => {
    const node = await fleet.node('frozen');
    await node.join('x', member('c'));
    const { owner } = node;
    const reaper = fleet.reaper();
    for (let look = 0; look < 3; look++) {
      await reaper.look();
      await fleet.pass();
    }
    assert.deepEqual(
      fleet.published.map(({ client }) => client),
      ['c'],
    );
    await node.beat();
    await fleet.settled(node);
    assert.notDeepEqual(node.owner, owner);
    assert.deepEqual(fleet.rejoined, [{ channel: 'x', client: 'c', outcome: { fresh: true, leave: undefined } }]);
    assert.deepEqual(await fleet.clients('x'), ['c']);
  });

  test('a frozen node that comes back to a store that fails at first finds out all the same that it was buried', async () => {
    let failures = 1;
    const store = altered(fleet.memory, {
      acquire: (...args) => {
        const [owner] = args;
        const isBack = fleet.published.length > 0 && owner.generation === first?.generation;
        if (isBack && failures-- > 0) return Promise.reject(new PresenceError('deadline', 'acquire took too long'));
        return fleet.memory.acquire(...args);
      },
    });
    const node = await fleet.node('frozen', store);
    const first = node.owner;
    await node.join('x', member('c'));
    const reaper = fleet.reaper();
    for (let look = 0; look < 3; look++) {
      await reaper.look();
      await fleet.pass();
    }
    assert.equal(fleet.published.length, 1);
    await node.beat();
    assert.equal(fleet.errors.length, 1);
    await node.beat();
    await fleet.settled(node);
    assert.deepEqual(fleet.rejoined, [{ channel: 'x', client: 'c', outcome: { fresh: true, leave: undefined } }]);
    assert.deepEqual(await fleet.clients('x'), ['c']);
  });

  for (const when of ['before', 'after'] as const) {
    test(`frozen while its members were being taken over by a new generation, which ends ${when} it is known: they join again, once`, async () => {
      let session = 1;
      let gate = Promise.resolve();
      const opened = new Deferred<void>();
      const store = altered(fleet.memory, {
        get session() {
          return session;
        },
        change: async (changes) => {
          await gate;
          return fleet.memory.change(changes);
        },
      });
      const node = await fleet.node('frozen', store);
      for (const client of ['c', 'd']) await node.join('x', member(client));
      session++;
      gate = opened.promise;
      await Promise.race([node.beat(), eventually(() => (node.waiting === 2 ? true : undefined), 'an announcement')]);
      const reaper = fleet.reaper();
      for (let look = 0; look < 3; look++) {
        await reaper.look();
        await fleet.pass();
      }
      assert.deepEqual(fleet.published.map(({ client }) => client).sort(), ['c', 'd']);
      if (when === 'before') {
        opened.resolve();
        await fleet.settled(node);
        await node.beat();
      } else {
        const beat = node.beat();
        await eventually(
          () => (node.owner === undefined || node.waiting > 2 ? true : undefined),
          'the next generation',
        );
        opened.resolve();
        await beat;
      }
      await fleet.settled(node);
      await node.beat();
      assert.deepEqual(fleet.rejoined.map(({ client }) => client).sort(), ['c', 'd']);
      assert.deepEqual(await fleet.clients('x'), ['c', 'd']);
    });
  }

  test('a leave that nobody could publish yet is told to the node that comes back, to go before the join', async () => {
    const node = await fleet.node('frozen');
    await node.join('x', member('c'));
    const tried: Leave[] = [];
    const reaper = fleet.reaper(fleet.memory, (leaves) => {
      tried.push(...leaves);
      return Promise.reject(new Error('the log is away'));
    });
    await reaper.look().catch(() => undefined);
    await fleet.pass();
    await reaper.look().catch(() => undefined);
    await fleet.pass();
    await assert.rejects(reaper.look(), /the log is away/);
    await node.beat();
    await fleet.settled(node);
    assert.equal(tried.length, 1);
    assert.deepEqual(fleet.rejoined, [{ channel: 'x', client: 'c', outcome: { fresh: true, leave: tried[0] } }]);
    // The next reaper publishes it again, under the same id, and takes nobody out who has come back.
    await fleet.reaper().look();
    await fleet.pass(node);
    const second = fleet.reaper();
    await second.look();
    await fleet.pass(node);
    await second.look();
    const ids = new LeaveIds();
    assert.deepEqual(
      [...tried, ...fleet.published].filter(({ id }) => ids.first(id)),
      tried,
    );
    assert.deepEqual(await fleet.clients('x'), ['c']);
  });

  test('a node that died between taking out and publishing: its leave comes, under the id that it had', async () => {
    const node = await fleet.node('dead');
    await node.join('x', member('c'));
    const left = await node.leave('x', 'c');
    await node.stop();
    const reaper = fleet.reaper();
    for (let look = 0; look < 3; look++) {
      await reaper.look();
      await fleet.pass();
    }
    assert.deepEqual(fleet.published, [left]);
  });

  test('two absences with a connection lost between them are one, and a look over a break is none', async () => {
    let session = 1;
    let breaks = false;
    const store = altered(fleet.memory, {
      get session() {
        return session;
      },
      nodes: () => {
        if (breaks) session++;
        return fleet.memory.nodes();
      },
    });
    await (await fleet.node('dead')).stop();
    await fleet.pass();
    const reaper = fleet.reaper(store);
    await reaper.look();
    await fleet.pass();
    session++;
    assert.deepEqual(await reaper.look(), []);
    breaks = true;
    await fleet.pass();
    assert.deepEqual(await reaper.look(), []);
    breaks = false;
    await fleet.pass();
    assert.deepEqual(await reaper.look(), []);
    fleet.clock.ms += 9_999;
    assert.deepEqual(await reaper.look(), [], 'not a full lease apart');
    fleet.clock.ms += 1;
    assert.equal((await reaper.look()).length, 1);
  });

  test('a node that has its lease back when the tombstone would be written lives', async () => {
    const node = await fleet.node('late');
    await node.join('x', member('c'));
    const blind = altered(fleet.memory, {
      nodes: async () => (await fleet.memory.nodes()).map(({ owner }) => ({ owner, lease: undefined })),
    });
    const reaper = fleet.reaper(blind);
    await reaper.look();
    await fleet.pass(node);
    assert.deepEqual(await reaper.look(), []);
    assert.deepEqual(await fleet.clients('x'), ['c']);
    assert.deepEqual(fleet.published, []);
  });

  test('readers know a repeated leave by its id, as far as they remember', () => {
    const ids = new LeaveIds(2);
    assert.deepEqual(
      ['a', 'b', 'a', 'c', 'a', 'c'].map((id) => ids.first(id)),
      [true, true, false, true, true, false],
    );
  });
});
