import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Deferred } from '@pharos/lifecycle';
import { type Change, PresenceError } from '@pharos/presence';
import { eventually } from '@pharos/testkit';
import { member } from './conformance/harness.ts';
import { altered, Fleet } from './fleet.ts';

let fleet: Fleet;
beforeEach(() => {
  fleet = new Fleet();
});
afterEach(() => fleet.stop());

describe('a store that is slow, silent or refuses: the living stay', () => {
  test('a store that refuses for a while: whoever was to be written again is, and nobody is reaped', async () => {
    let session = 1;
    let refusals = 0;
    const store = altered(fleet.memory, {
      change: (changes) => {
        const refused = changes.map(() => new PresenceError('refused', 'maxmemory-policy is not noeviction'));
        return refusals-- > 0 ? Promise.resolve(refused) : fleet.memory.change(changes);
      },
    });
    Object.defineProperty(fleet.memory, 'session', { get: () => session });
    const node = await fleet.node('a', store);
    await node.join('x', member('c'));
    // The connection is made anew, to a server that is found to be wrong when the new generation has its lease.
    session++;
    refusals = 2;
    await node.beat();
    const joined = node.join('x', member('d'));
    await fleet.settled(node);
    assert.equal((await joined).fresh, true);
    assert.equal(refusals, -1, 'it was refused twice');
    const reaper = fleet.reaper();
    for (let look = 0; look < 3; look++) {
      await reaper.look();
      await fleet.pass(node);
    }
    assert.deepEqual(await fleet.clients('x'), ['c', 'd']);
    assert.deepEqual(fleet.published, []);
  });

  test('while a new generation has members to write, nobody is left out or reaped, however long that takes', async () => {
    let session = 1;
    let gate = Promise.resolve();
    const opened = new Deferred<void>();
    const store = altered(fleet.memory, {
      change: async (changes) => {
        await gate;
        return fleet.memory.change(changes);
      },
    });
    Object.defineProperty(fleet.memory, 'session', { get: () => session });
    const node = await fleet.node('a', store);
    await node.join('x', member('c'));
    session++;
    gate = opened.promise;
    const beats = [node.beat()];
    const reaper = fleet.reaper();
    for (let look = 0; look < 4; look++) {
      await eventually(async () => ((await fleet.leases()) === 2 ? true : undefined), 'both generations live');
      await reaper.look();
      assert.deepEqual([await fleet.clients('x'), fleet.published], [['c'], []]);
      fleet.clock.ms += 10_001;
      beats.push(node.beat());
    }
    opened.resolve();
    await Promise.all(beats);
    await fleet.formerEnds(node);
    assert.deepEqual(await fleet.clients('x'), ['c']);
  });

  test('two absences between which nobody looked for long are one: the lease may have been there meanwhile', async () => {
    const node = await fleet.node('a');
    await node.join('x', member('c'));
    const reaper = fleet.reaper();
    // Twice late by a little more than a lease, and between that nobody looks.
    fleet.clock.ms += 10_500;
    await reaper.look();
    await node.beat();
    fleet.clock.ms += 13_000;
    assert.deepEqual(await reaper.look(), []);
    await node.beat();
    await fleet.settled(node);
    assert.deepEqual([await fleet.clients('x'), fleet.published, fleet.rejoined], [['c'], [], []]);
    await node.stop();
    for (let look = 0; look < 3; look++) {
      fleet.clock.ms += 10_001;
      await reaper.look();
    }
    assert.equal(fleet.published.length, 1);
  });

  test('changes that a lost connection brings to the store after all undo nothing: the living stay', async () => {
    let session = 1;
    let isLost = false;
    const late: Change[] = [];
    const store = altered(fleet.memory, {
      change: (changes) => {
        if (!isLost) return fleet.memory.change(changes);
        late.push(...changes);
        return Promise.resolve(changes.map(() => new PresenceError('unavailable', 'the connection was lost')));
      },
    });
    Object.defineProperty(fleet.memory, 'session', { get: () => session });
    const node = await fleet.node('a', store);
    await node.join('x', member('goes'));
    isLost = true;
    const joined = node.join('x', member('c'));
    const left = node.leave('x', 'goes');
    await eventually(() => (late.length > 1 ? true : undefined), 'changes on a connection that is lost');
    isLost = false;
    session++;
    await node.beat();
    await Promise.all([joined, left, fleet.settled(node)]);
    await fleet.formerEnds(node);
    await fleet.memory.change(late);
    assert.deepEqual([await fleet.clients('x'), await fleet.memory.stats('x')], [['c'], { clients: 1, users: 1 }]);
    const reaper = fleet.reaper();
    for (let look = 0; look < 3; look++) {
      await reaper.look();
      await fleet.pass(node);
    }
    assert.deepEqual([await fleet.clients('x'), fleet.published.map(({ client }) => client)], [['c'], ['goes']]);
  });

  test('changes that nobody answers hold up no renewal: the node is not taken for dead', async () => {
    const silent = new Deferred<never>();
    let renewals = 0;
    const store = altered(fleet.memory, {
      change: () => silent.promise,
      renew: (...args) => {
        renewals++;
        return fleet.memory.renew(...args);
      },
    });
    const node = await fleet.node('a', store, { leaseMs: 100, renewMs: 5 });
    const joined = node.join('x', member('c'));
    joined.catch(() => undefined);
    await eventually(() => (node.waiting === 1 ? true : undefined), 'the change is under way');
    const before = renewals;
    await eventually(() => (renewals > before + 5 ? true : undefined), 'the lease is renewed all the while');
    silent.reject(new PresenceError('failed', 'lost'));
  });

  for (const how of ['fails', 'is answered late'] as const) {
    test(`two absences with a look between them that ${how} are one: a store that is silent again and again buries nobody`, async () => {
      let silent = false;
      const store = altered(fleet.memory, {
        nodes: () => {
          if (!silent) return fleet.memory.nodes();
          silent = false;
          fleet.clock.ms += 10_001;
          return how === 'fails' ? Promise.reject(new PresenceError('deadline', 'late')) : fleet.memory.nodes();
        },
      });
      const node = await fleet.node('a');
      await node.join('x', member('c'));
      const reaper = fleet.reaper(store);
      for (let time = 0; time < 3; time++) {
        // Nobody could renew, nor look.
        silent = true;
        await reaper.look().catch(() => undefined);
        assert.deepEqual(await reaper.look(), []);
        await node.beat();
      }
      assert.deepEqual([await fleet.clients('x'), fleet.published], [['c'], []]);
      // One that is dead is found when all is well again.
      await node.stop();
      for (let look = 0; look < 3; look++) {
        await reaper.look();
        fleet.clock.ms += 10_001;
      }
      assert.deepEqual(
        fleet.published.map(({ client }) => client),
        ['c'],
      );
    });
  }
});
