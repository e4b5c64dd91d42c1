import { after, describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisClient } from '@pharos/redis';
import { makeDocumentedUsers, type RedisServer, startRedis, unavailable } from '@pharos/testkit';
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
    if (server === undefined) {
      server = await startRedis();
      await makeDocumentedUsers(server.port, 'a-password', 'test');
    }
    const address = { host: '127.0.0.1', port: server.port };
    const user = { username: 'pharos-api', password: 'a-password' };
    const client = await RedisClient.open({ mode: 'standalone', address, ...user });
    clients.push(client);
    return {
      store: new RedisIdempotency(client, { keyPrefix: 'test', holdMs }),
      // By the server's own clock: there is nothing to wait for but that.
      holdsExpire: () => delay(holdMs + 50),
    };
  });
});
