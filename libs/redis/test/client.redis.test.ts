import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import { RedisClient, type RedisError, RedisScript } from '@pharos/redis';
import { eventually, startRedis, unavailable } from '@pharos/testkit';
import { Redis } from 'ioredis';

import { echo, modes, type Rig, standalone, withClient } from './rig.ts';

const skip = unavailable('redis');

for (const [mode, start] of Object.entries(modes)) {
  describe(`a connection to Redis: ${mode}`, { skip, timeout: 120_000 }, () => {
    let rig: Rig;
    before(async () => {
      rig = await start();
    });
    after(() => rig.stop());

    test('runs scripts, which the server needn’t know, in order, with keys of any tag', async () => {
      await withClient(rig.options, async (client) => {
        assert.equal(client.mode, mode);
        assert.equal(client.connected, true);
        const keys = Array.from({ length: 20 }, (_value, index) => `count:{${index % 4}}`);
        const outcomes = await client.scripts(
          keys.map((key, index) => ({ script: echo, keys: [key], args: [Buffer.from([index, 0, 255])] })),
        );
        const expected = keys.map((_key, index) => ({
          status: 'fulfilled',
          value: [Math.floor(index / 4) + 1, Buffer.from([index, 0, 255])],
        }));
        assert.deepEqual(outcomes, expected);
        assert.equal(String(await client.command('GET', 'count:{3}')), '5');
      });
    });

    test('a script that fails says its name, and harms no other', async () => {
      const broken = new RedisScript('broken', "return redis.call('HGET', KEYS[1], 'f')");
      await withClient(rig.options, async (client) => {
        await client.command('SET', 'text:{a}', 'x');
        const [failed, fine] = await client.scripts([
          { script: broken, keys: ['text:{a}'], args: [] },
          { script: echo, keys: ['fine:{a}'], args: ['y'] },
        ]);
        assert.equal(failed?.status, 'rejected');
        const error = failed.reason as RedisError;
        assert.equal(error.code, 'failed');
        assert.match(error.message, /broken/);
        assert.match(String(error.cause), /WRONGTYPE/);
        assert.deepEqual(fine, { status: 'fulfilled', value: [1, Buffer.from('y')] });
      });
    });
  });
}

describe('a Redis that comes and goes', { skip, timeout: 120_000 }, () => {
  test('calls fail at once while it is away, in flight too, and go on afterwards; every change is another session', async () => {
    const server = await startRedis();
    try {
      await withClient(standalone(server), async (client) => {
        const { session } = client;
        const lost = new Deferred();
        client.onConnection((connected) => connected || lost.resolve());
        server.pause();
        const inFlight = client.script({ script: echo, keys: ['k'], args: [''] });
        // A rejection must find its handler before the server is gone.
        const rejected = assert.rejects(inFlight, { name: 'RedisError', code: 'unavailable', retryable: true });
        await server.kill();
        await rejected;
        await withDeadline(lost.promise, 10_000, 'the loss');
        assert.ok(client.session > session);
        await assert.rejects(client.command('GET', 'k'), { code: 'unavailable', retryable: true });
        await server.start();
        await eventually(() => (client.connected ? true : undefined), 'connection');
        assert.deepEqual(await client.script({ script: echo, keys: ['k'], args: [''] }), [1, Buffer.alloc(0)]);
      });
    } finally {
      await server.stop();
    }
  });

  test('a server that is silent while an answer is due counts as lost', async () => {
    const server = await startRedis();
    try {
      await withClient({ ...standalone(server), silenceTimeoutMs: 200 }, async (client) => {
        server.pause();
        await assert.rejects(client.command('GET', 'k'), { code: 'unavailable' });
        server.resume();
        await eventually(() => (client.connected ? true : undefined), 'connection');
        assert.equal(await client.command('GET', 'k'), null);
      });
    } finally {
      await server.stop();
    }
  });

  test('a server that comes back with another policy is refused until that is mended', async () => {
    const server = await startRedis();
    try {
      await withClient(standalone(server), async (client) => {
        await client.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
        await client.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined);
        const problem = await eventually(
          () =>
            client.command('GET', 'k').then(
              () => undefined,
              (error: unknown) => ((error as RedisError).code === 'misconfigured' ? (error as RedisError) : undefined),
            ),
          'refusal',
        );
        assert.match(problem.message, /maxmemory-policy 'allkeys-lru', expected 'noeviction'/);
        // It is looked at again and again, and not for a moment used meanwhile.
        const looker = new Redis({ host: '127.0.0.1', port: server.port });
        const looks = async (): Promise<number> =>
          Number(/cmdstat_info:calls=(\d+)/.exec(await looker.info('commandstats'))?.[1]);
        const before = await looks();
        for (let own = 1; (await looks()) - own < before + 2; own++) {
          for (let turn = 0; turn < 200; turn++) {
            await assert.rejects(client.command('GET', 'k'), { code: 'misconfigured' });
            await nextTurn();
          }
        }
        await looker.config('SET', 'maxmemory-policy', 'noeviction');
        await eventually(
          () =>
            client.command('GET', 'k').then(
              () => true as const,
              () => undefined,
            ),
          'it is mended',
        );
        looker.disconnect();
      });
    } finally {
      await server.stop();
    }
  });
});

describe('opening a connection to Redis', { skip, timeout: 120_000 }, () => {
  test('what it can’t use it names, with what it expects', async () => {
    const evicting = await startRedis({ settings: { 'maxmemory-policy': 'volatile-lru' } });
    const locked = await startRedis({ settings: { requirepass: 'secret' } });
    const clustered = await startRedis({ settings: { 'cluster-enabled': 'yes', 'cluster-port': '0' } });
    const plain = await startRedis();
    try {
      const opened = (options: Parameters<typeof RedisClient.open>[0]): Promise<unknown> => RedisClient.open(options);
      await assert.rejects(opened(standalone(evicting)), {
        code: 'misconfigured',
        retryable: false,
        message: new RegExp(`127.0.0.1:${evicting.port} has maxmemory-policy 'volatile-lru', expected 'noeviction'`),
      });
      await assert.rejects(opened(standalone(locked)), { code: 'refused' });
      await assert.rejects(opened({ ...standalone(locked), password: 'wrong' }), { code: 'refused' });
      await withClient({ ...standalone(locked), password: 'secret' }, (client) => client.command('GET', 'k'));
      await assert.rejects(opened(standalone(clustered)), { code: 'misconfigured', message: /set it to 'cluster'/ });
      const asCluster = { mode: 'cluster', nodes: [{ host: '127.0.0.1', port: plain.port }] } as const;
      await assert.rejects(opened(asCluster), { code: 'misconfigured' });
      await plain.kill();
      const message = new RegExp(`Redis at 127.0.0.1:${plain.port}`);
      await assert.rejects(opened(standalone(plain)), { code: 'unavailable', retryable: true, message });
    } finally {
      await Promise.all([evicting, locked, clustered, plain].map((server) => server.stop()));
    }
  });
});
