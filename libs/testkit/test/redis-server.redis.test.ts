import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { startRedis, unavailable } from '@pharos/testkit';

async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`${command}\r\n`);
    const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
    return chunk.toString().trim();
  } finally {
    socket.destroy();
  }
}

describe('startRedis', { skip: unavailable('redis'), timeout: 60_000 }, () => {
  test('serves, takes settings, and comes back empty on the same port', async () => {
    const redis = await startRedis({ settings: { maxmemory: '64mb' } });
    try {
      const { pid } = redis;
      assert.equal(await ask(redis.port, 'PING'), '+PONG');
      assert.match(await ask(redis.port, 'CONFIG GET maxmemory'), /67108864/);
      assert.equal(await ask(redis.port, 'SET k v'), '+OK');
      await redis.restart();
      assert.notEqual(redis.pid, pid);
      assert.equal(await ask(redis.port, 'GET k'), '$-1');
      await redis.kill();
      assert.throws(() => redis.pause(), { code: 'not-running' });
    } finally {
      await redis.stop();
    }
  });
});
