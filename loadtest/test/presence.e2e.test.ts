// Presence with real edges, presence services, Pulsar and Redis, and the official SDK.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { RedisPresence } from '@pharos/presence';
import { RedisClient } from '@pharos/redis';
import { eventually, unavailable } from '@pharos/testkit';

import { Rig } from '../bench/chaos/rig.ts';
import type { ServiceNode } from '../bench/chaos/service-node.ts';
import { bareGuest, Guest } from './support/guests.ts';
import { LifecycleWatch } from './support/lifecycle-watch.ts';

const leaseMs = 2_000;

describe('presence over edges', {
  skip: unavailable('pulsar') || unavailable('redis'),
  timeout: 600_000,
}, () => {
  let rig: Rig;
  let one: ServiceNode;
  let other: ServiceNode;
  let reaper: ServiceNode;
  let watch: LifecycleWatch;
  let redis: RedisClient;
  let store: RedisPresence;
  let room = '';
  let rooms = 0;
  let guests: Guest[] = [];

  before(async () => {
    const presence = { presence: true, join_leave: true, allow_presence_for_anonymous: true };
    rig = await Rig.start({ edges: 2, history: 0, presence: 1, lanes: 2, leaseMs, channel: presence });
    [one, other] = rig.of('edge') as [ServiceNode, ServiceNode];
    [reaper] = rig.of('presence') as [ServiceNode];
    const { redis: server } = rig;
    assert.ok(server !== undefined);
    const address = { host: '127.0.0.1', port: server.port };
    redis = RedisClient.start({ mode: 'standalone', address }, () => undefined);
    store = new RedisPresence(redis);
    watch = await LifecycleWatch.start({ ...rig.pulsar, topic: rig.topic });
  });

  after(async () => {
    await watch.close();
    redis.close();
    assert.deepEqual(await rig.stop(), []);
  });

  afterEach(() => {
    for (const guest of guests) guest.leave();
  });

  async function enter(edge: ServiceNode): Promise<Guest> {
    const guest = await Guest.enter(edge.url, room);
    guests.push(guest);
    return guest;
  }

  /** A room of its own: two guests at each edge, who have seen each other come. */
  async function meet(): Promise<[Guest, Guest, Guest, Guest]> {
    room = `room-${rooms++}`;
    guests = [];
    const all: [Guest, Guest, Guest, Guest] = [
      await enter(one),
      await enter(one),
      await enter(other),
      await enter(other),
    ];
    await all[0].hears(`join ${all[3].id}`);
    return all;
  }

  /** All say good-bye; then the log has a leave for each join, and the store nobody. */
  async function part(): Promise<void> {
    for (const guest of guests) guest.leave();
    const isEmpty = async (): Promise<true | undefined> => ((await store.stats(room)).clients === 0 ? true : undefined);
    await eventually(isEmpty, 'end of all members');
    await eventually(() => {
      const here = watch.events.items.filter(({ channel }) => channel === room);
      const { byClient } = watch;
      const left = [...new Set(here.map(({ info }) => info.client))].filter(
        (id) => byClient.get(id)?.at(-1) !== 'leave',
      );
      return left.length === 0 ? true : undefined;
    }, 'leaves of all');
    assert.deepEqual(watch.unmatched, []);
  }

  const ids = (...of: readonly Guest[]): string[] => of.map(({ id }) => id).sort();
  const presentTo = async (guest: Guest, members: readonly string[]): Promise<true | undefined> =>
    (await guest.present()).join() === members.join() ? true : undefined;

  test('join, leave, presence and presence_stats, by the SDK, over two edges', async () => {
    const [ann, bob, cid, dan] = await meet();
    assert.deepEqual(
      ann.events.items,
      ids(ann)
        .concat(bob.id, cid.id, dan.id)
        .map((id) => `join ${id}`),
    );
    assert.deepEqual(await dan.present(), ids(ann, bob, cid, dan));
    assert.deepEqual(await ann.stats(), { numClients: 4, numUsers: 1 });
    bob.leave();
    for (const guest of [ann, cid, dan]) await guest.hears(`leave ${bob.id}`);
    assert.deepEqual(await cid.present(), ids(ann, cid, dan));
    await part();
  });

  test('kill -9 of an edge: every leave once, no ghost', async () => {
    const [ann, bob, cid, dan] = await meet();
    const [gone, too] = [cid.id, dan.id];
    await other.kill();
    for (const id of [gone, too]) await ann.hears(`leave ${id}`);
    assert.deepEqual(await ann.present(), ids(ann, bob));
    assert.deepEqual(await ann.stats(), { numClients: 2, numUsers: 1 });
    await other.start();
    // The SDK comes back, as somebody new.
    await eventually(() => (cid.id !== gone && dan.id !== too ? true : undefined), 'reconnections');
    for (const { id } of [cid, dan]) await ann.hears(`join ${id}`);
    await part();
    for (const id of [gone, too]) assert.deepEqual(watch.of(id), ['join', 'leave']);
    assert.equal(ann.events.items.filter((event) => event === `leave ${gone}`).length, 1);
  });

  test('an edge stopped past its lease, and back: taken for dead, then there again, with joins', async () => {
    const [ann, bob, cid, dan] = await meet();
    other.pause();
    for (const { id } of [cid, dan]) await ann.hears(`leave ${id}`);
    assert.deepEqual(await ann.present(), ids(ann, bob));
    other.resume();
    for (const { id } of [cid, dan]) await ann.hears(`join ${id}`, 2);
    await eventually(() => presentTo(ann, ids(ann, bob, cid, dan)), 'everybody again');
    assert.deepEqual(await cid.stats(), { numClients: 4, numUsers: 1 });
    await part();
    for (const { id } of [cid, dan]) assert.deepEqual(watch.of(id), ['join', 'leave', 'join', 'leave']);
  });

  test('Redis gone for longer than a lease, and back empty: live traffic goes on, nobody is taken for dead', async () => {
    const [ann, bob, cid, dan] = await meet();
    const reaped = await reaper.metric('pharos_presence_reaped_total');
    await rig.redis?.kill();
    await assert.rejects(ann.present(), { code: 100 });
    // Who comes and goes meanwhile is told of later.
    const late = await enter(one);
    await ann.publish('during');
    await dan.data.waitForCount(1);
    const left = bob.id;
    bob.leave();
    await delay(2 * leaseMs);
    await assert.rejects(late.stats(), { code: 100 });
    await rig.redis?.start();
    await ann.hears(`join ${late.id}`);
    await ann.hears(`leave ${left}`);
    await eventually(() => presentTo(dan, ids(ann, cid, dan, late)), 'everybody again');
    const looks = await reaper.metric('pharos_presence_looks_total');
    await eventually(
      async () => ((await reaper.metric('pharos_presence_looks_total')) > looks + 20 ? true : undefined),
      'looks of the reaper',
    );
    // Lives that ended with their connection leave nobody behind.
    assert.deepEqual(await ann.present(), ids(ann, cid, dan, late));
    const leaves = ann.events.items.filter((event) => event.startsWith('leave'));
    assert.deepEqual(
      leaves,
      [`leave ${left}`],
      `${(await reaper.metric('pharos_presence_reaped_total')) - reaped} reaped`,
    );
    await part();
  });

  test('FLUSHALL: the members are written again, silently', async () => {
    const [ann, bob, cid, dan] = await meet();
    const before = ann.events.items.length;
    const announced = await one.metric('pharos_edge_presence_announcements_total', { reason: 'lease' });
    await redis.command('FLUSHALL', 'SYNC');
    // Gone at the same moment: only its edge knows that it was there.
    const left = bob.id;
    bob.leave();
    await ann.hears(`leave ${left}`);
    await eventually(() => presentTo(ann, ids(ann, cid, dan)), 'everybody again');
    assert.deepEqual(await ann.stats(), { numClients: 3, numUsers: 1 });
    assert.deepEqual(ann.events.items.slice(before), [`leave ${left}`]);
    assert.equal(await one.metric('pharos_edge_presence_announcements_total', { reason: 'lease' }), announced + 1);
    await part();
  });

  test('kill -9 of the presence service in the middle of reaping: each leave once, by its id', async (context) => {
    const [ann, bob] = await meet();
    const crowd = await Promise.all(Array.from({ length: 1_500 }, () => bareGuest(other.url, room)));
    // Who is killed between writing a member and publishing its join leaves a leave alone.
    await ann.events.waitUntil((items) => items.length >= crowd.length + 4, 'joins of the crowd');
    assert.deepEqual(await ann.stats(), { numClients: crowd.length + 4, numUsers: 1 });
    const ofCrowd = new Set(crowd.map(({ id }) => id));
    const leftIds = (): string[] =>
      watch.events.items
        .filter(({ type, info }) => type === 'leave' && ofCrowd.has(info.client))
        .map(({ info }) => info.client);
    const leaves = (): number => leftIds().length;
    await other.kill();
    await watch.events.waitUntil(() => leaves() > 0, 'the first leave');
    await reaper.kill();
    context.diagnostic(`${leaves()} of ${crowd.length} leaves when the presence service was killed`);
    await reaper.start();
    await eventually(async () => ((await ann.stats()).numClients === 2 ? true : undefined), 'end of the crowd');
    await watch.events.waitUntil(() => new Set(leftIds()).size === crowd.length, 'all leaves');
    context.diagnostic(`${leaves()} leaves with repetitions`);
    const { byClient } = watch;
    for (const { id } of crowd) assert.deepEqual(byClient.get(id), ['join', 'leave']);
    const last = crowd.length + 2;
    await ann.events.waitUntil(
      (items) => items.filter((item) => item.startsWith('leave')).length === last,
      'all pushes',
    );
    await eventually(() => presentTo(ann, ids(ann, bob)), 'those who stayed');
    await other.start();
    await part();
    const pushed = ann.events.items.filter((event) => event.startsWith('leave '));
    assert.equal(new Set(pushed).size, pushed.length, 'no leave twice');
  });
});
