import { after, describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisClient } from '@pharos/redis';
import { type RedisServer, startRedis, unavailable } from '@pharos/testkit';
import { RedisIdempotency } from '../src/idempotency/redis-store.ts';
import { idempotencyConformance } from './support/idempotency-conformance.ts';

describe('idempotency keys in Redis', { skip: unavailable('redis'), timeout: 60_000 }, () => {
  const holdMs = 300;
  let server: RedisServer | undefined;
  const clients: RedisClient[] = [];

  after(async () => {
    for (const client of clients) client.close();
    await server?.stop();
  });

  idempotencyConformance(async () => {
    server ??= await startRedis();
    const client = await RedisClient.open({ mode: 'standalone', address: { host: '127.0.0.1', port: server.port } });
    clients.push(client);
    return {
      store: new RedisIdempotency(client, { keyPrefix: 'test', holdMs }),
      // By the server's own clock: there is nothing to wait for but that.
      holdsExpire: () => delay(holdMs + 50),
    };
  });
});
