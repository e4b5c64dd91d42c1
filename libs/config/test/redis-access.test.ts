import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, describeConfig, loadConfig, redisSection, z } from '../src/index.ts';

const schema = z.strictObject({ redis: redisSection(false) });

function problemsOf(env: Record<string, string>): string {
  try {
    loadConfig(schema, { env });
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.message;
  }
  return '';
}

test('what contradicts itself is refused by name', () => {
  const url = 'redis://one:6379';
  assert.match(problemsOf({ PHAROS_REDIS_URL: url, PHAROS_REDIS_MODE: 'sentinel' }), /redis\.sentinel_master_name/);
  assert.match(
    problemsOf({ PHAROS_REDIS_URL: url, PHAROS_REDIS_SENTINEL_MASTER_NAME: 'main' }),
    /redis\.sentinel_master_name/,
  );
  assert.match(
    problemsOf({ PHAROS_REDIS_URL: url, PHAROS_REDIS_MODE: 'cluster', PHAROS_REDIS_DATABASE: '1' }),
    /redis\.database/,
  );
  assert.match(problemsOf({ PHAROS_REDIS_URL: 'redis://one,two' }), /redis\.url.*one host/);
  assert.match(problemsOf({ PHAROS_REDIS_URL: 'http://one' }), /redis\.url.*redis:\/\//);
  assert.match(problemsOf({ PHAROS_REDIS_PREFIX: 'a{b}' }), /redis\.prefix/);
  assert.match(
    problemsOf({ PHAROS_REDIS_URL: url, PHAROS_REDIS_TLS_CERT_FILE: 'a.pem' }),
    /redis\.tls\.key_file.*both/,
  );
});

test('it may be left out, and its passwords are secrets', () => {
  assert.equal(problemsOf({}), '');
  const secrets = describeConfig(schema).filter((setting) => setting.secret);
  assert.deepEqual(
    secrets.map(({ path }) => path),
    ['redis.password', 'redis.sentinel_password'],
  );
});
