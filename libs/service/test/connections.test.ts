import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisSection, loadConfig, type RedisAccessConfig, z } from '@pharos/config';
import { redisOptions } from '../src/connections.ts';

function read(settings: Record<string, string>): RedisAccessConfig {
  const schema = z.strictObject({ redis: redisSection(true) });
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`PHAROS_REDIS_${name.toUpperCase()}`, value]),
  );
  return loadConfig(schema, { env }).redis as RedisAccessConfig;
}

test('one server, with its default port, user and database', () => {
  const options = redisOptions(read({ url: 'redis://cache', username: 'u', password: 'p', database: '3' }));
  assert.deepEqual(options, {
    mode: 'standalone',
    username: 'u',
    password: 'p',
    connectTimeoutMs: 10_000,
    tls: false,
    address: { host: 'cache', port: 6379 },
    database: 3,
  });
});

test('sentinels: all hosts, and the name of the primary', () => {
  const options = redisOptions(
    read({ url: 'redis://a:26379,[::1]:26380', mode: 'sentinel', sentinel_master_name: 'main' }),
  );
  assert(options.mode === 'sentinel');
  assert.equal(options.primaryName, 'main');
  assert.deepEqual(options.sentinels, [
    { host: 'a', port: 26_379 },
    { host: '::1', port: 26_380 },
  ]);
});

test('a Cluster over TLS that checks no name', () => {
  const options = redisOptions(
    read({ url: 'rediss://a:1,b:2', mode: 'cluster', tls_validate_hostname: 'false', connect_timeout: '2s' }),
  );
  assert(options.mode === 'cluster');
  assert.deepEqual(
    options.nodes.map(({ port }) => port),
    [1, 2],
  );
  assert.equal(options.connectTimeoutMs, 2_000);
  assert(typeof options.tls === 'object' && typeof options.tls.checkServerIdentity === 'function');
});

test('a file that is not there is named', () => {
  const config = read({ url: 'rediss://a', tls_ca_file: '/nowhere/ca.pem' });
  assert.throws(() => redisOptions(config), /nowhere\/ca\.pem/);
});
