import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';
import { startAll, stopAll } from './redis-cluster.ts';

/** A primary and a replica under the eyes of three sentinels, on 127.0.0.1. */
export interface RedisSentinel {
  /** The name of the primary among the sentinels. */
  readonly primaryName: string;
  /** The primary at the start; a fail-over makes the replica one. */
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** Resolves when the sentinels name `server` as the primary and it is one. */
  promoted(server: RedisServer): Promise<void>;
  stop(): Promise<void>;
}

const primaryName = 'pharos';
/** A primary that is silent for so long is down: short, so that a test of a fail-over is. */
const downAfterMs = 500;
/** A sentinel that was held up for two seconds trusts nothing for thirty. */
const patienceMs = 90_000;

/** Starts a primary, a replica in step with it, and three sentinels that know each other and both. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const servers: RedisServer[] = [];
  try {
    // Both may have a replica to serve; by default one waits five seconds for more to come.
    const settings = { 'repl-diskless-sync-delay': '0' };
    const primary = await startRedis({ settings });
    servers.push(primary);
    const replicaof = `127.0.0.1 ${primary.port}`;
    const replica = await startRedis({ settings: { ...settings, replicaof } });
    servers.push(replica);
    // Before the sentinels, which look for replicas when they start and then only now and again.
    await ask(replica, inStep, 'replica in step with its primary');
    const startSentinel = (): Promise<RedisServer> => startRedis({ sentinel: sentinelSettings(primary) });
    const sentinels = await startAll([startSentinel, startSentinel, startSentinel]);
    servers.push(...sentinels);
    await Promise.all(sentinels.map((sentinel) => ask(sentinel, hurry, 'sentinel that answers')));
    await Promise.all(sentinels.map((sentinel) => ask(sentinel, knowsAll, 'sentinels that know all servers')));
    const promoted = async (server: RedisServer): Promise<void> => {
      const named = (client: Redis): Promise<true | undefined> => names(client, server);
      await Promise.all(sentinels.map((sentinel) => ask(sentinel, named, `sentinel that names port ${server.port}`)));
      await ask(server, isPrimary, 'primary');
    };
    return { primaryName, primary, replica, sentinels, promoted, stop: () => stopAll(servers) };
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
}

function sentinelSettings(primary: RedisServer): string {
  return [
    `sentinel monitor ${primaryName} 127.0.0.1 ${primary.port} 2`,
    `sentinel down-after-milliseconds ${primaryName} ${downAfterMs}`,
    `sentinel failover-timeout ${primaryName} 3000`,
    `sentinel parallel-syncs ${primaryName} 1`,
    '',
  ].join('\n');
}

async function ask(
  server: RedisServer,
  probe: (client: Redis) => Promise<true | undefined>,
  what: string,
): Promise<void> {
  const client = new Redis({ port: server.port, host: '127.0.0.1', maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  try {
    await eventually(() => probe(client), what, patienceMs);
  } finally {
    client.disconnect();
  }
}

/** Sentinels greet each other every two seconds and ask for replicas every ten; a test has no such time. */
async function hurry(client: Redis): Promise<true> {
  await client.call('SENTINEL', 'DEBUG', 'INFO-PERIOD', '200', 'PUBLISH-PERIOD', '200');
  return true;
}

async function knowsAll(client: Redis): Promise<true | undefined> {
  const info = (await client.call('INFO', 'sentinel')) as string;
  return /status=ok,.*slaves=1,sentinels=3/.test(info) ? true : undefined;
}

async function inStep(client: Redis): Promise<true | undefined> {
  return (await client.info('replication')).includes('master_link_status:up') ? true : undefined;
}

async function isPrimary(client: Redis): Promise<true | undefined> {
  return (await client.info('replication')).includes('role:master') ? true : undefined;
}

async function names(client: Redis, server: RedisServer): Promise<true | undefined> {
  const answer = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primaryName)) as string[] | null;
  return answer?.[1] === String(server.port) ? true : undefined;
}
