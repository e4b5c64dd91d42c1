import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AnnounceReason, type Leave, PresenceNode, Reaper, RedisPresence } from '@pharos/presence';
import { RedisClient } from '@pharos/redis';
import { eventually, startRedisSentinel, unavailable } from '@pharos/testkit';
import { about, member } from './conformance/harness.ts';

const leaseMs = 2_000;

describe('presence on Redis over a fail-over', { skip: unavailable('redis'), timeout: 120_000 }, () => {
  test('joins and leaves that the new primary never got: all true again, and nobody who is there is reaped', async () => {
    const group = await startRedisSentinel();
    const sentinels = group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const clients: RedisClient[] = [];
    const parts: (PresenceNode | Reaper)[] = [];
    const [published, rejoined, announced] = [[] as Leave[], [] as string[], [] as AnnounceReason[]];
    const connect = async (): Promise<RedisClient> => {
      const client = await RedisClient.open({ mode: 'sentinel', sentinels, primaryName: group.primaryName });
      clients.push(client);
      return client;
    };
    const node = async (name: string): Promise<PresenceNode> => {
      const made = new PresenceNode(new RedisPresence(await connect()), {
        ...{ node: name, about: () => about, onError: () => undefined, leaseMs, renewMs: 300 },
        onRejoined: (_channel, { client }) => rejoined.push(client),
        onAnnounced: (reason) => announced.push(reason),
      });
      parts.push(made);
      await made.run();
      return made;
    };
    try {
      const [one, two] = [await node('one'), await node('two')];
      const look = new Reaper(new RedisPresence(await connect()), {
        publish: (leaves) => Promise.resolve(void published.push(...leaves)),
        onError: () => undefined,
        leaseMs,
      });
      parts.push(look);
      await look.run();
      const control = await connect();
      const store = new RedisPresence(control);
      for (const client of ['hangs-up', 'goes']) await one.join('x', member(client, client));
      await two.join('x', member('other', 'other'));
      announced.length = 0;
      // What was written before it, on whichever connection, is with the replica then.
      await control.command('SET', 'barrier', '1');
      await eventually(
        async () => ((await control.command('WAIT', '1', 1_000)) === 1 ? true : undefined),
        'replication',
      );
      group.replica.pause();
      // Else what is written next waits in the replica's socket until it goes on.
      await control.command('CLIENT', 'KILL', 'TYPE', 'replica');
      await one.join('x', member('late', 'late'));
      const leave = await one.leave('x', 'goes');
      assert.equal(leave?.client, 'goes');
      await one.settle(leave);
      await group.primary.kill();
      // While nobody can be asked.
      const whileAway = [one.leave('x', 'hangs-up'), two.join('x', member('new', 'new'))] as const;
      group.replica.resume();
      await group.promoted(group.replica);
      const hungUp = await whileAway[0];
      assert.equal(hungUp?.client, 'hangs-up');
      await one.settle(hungUp);
      assert.equal((await whileAway[1]).fresh, true);

      // The new primary still has who left; the generation that wrote it ends, and with it whoever is in no other.
      await eventually(
        async () => {
          const generations = await store.nodes().catch(() => []);
          return generations.length === 2 && announced.length >= 2 ? true : undefined;
        },
        'end of the former generations',
        60_000,
      );
      const members = (await store.members('x')).map(({ client }) => client).sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(members, ['late', 'new', 'other']);
      assert.deepEqual(await store.stats('x'), { clients: 3, users: 3 });
      assert.deepEqual([...new Set(announced)], ['connection']);
      // Nobody but who is gone is said to have left, and nobody joins twice.
      assert.deepEqual(
        published.filter(({ client }) => client !== 'goes'),
        [],
      );
      assert.deepEqual(rejoined, []);
    } finally {
      await Promise.all(parts.map((part) => part.stop()));
      for (const client of clients) client.close();
      await group.stop();
    }
  });
});
