import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, describeConfig, hostsUrl, loadConfig, pulsarAccessFields, z } from '../src/index.ts';

const schema = z.strictObject({
  pulsar: z.strictObject({ url: hostsUrl('pulsar', 'pulsar+ssl').optional(), ...pulsarAccessFields() }),
});

function problems(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    loadConfig(schema, { env });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

test('a Pulsar may have several hosts', () => {
  for (const url of ['pulsar://a:6650', 'pulsar+ssl://a:6651,b:6651,[::1]:6651', 'pulsar://a,b']) {
    assert.deepEqual(problems({ PHAROS_PULSAR_URL: url }), [], url);
  }
  for (const url of ['http://a', 'pulsar://', 'pulsar://a:6650,', 'pulsar://a:x,b:1']) {
    const [problem = ''] = problems({ PHAROS_PULSAR_URL: url });
    assert.match(problem, /expected a URL that starts with pulsar:\/\/ or pulsar\+ssl:\/\/, several hosts/, url);
  }
});

test('nothing needs to be said, and host names are checked then', () => {
  assert.deepEqual(loadConfig(schema, { env: {} }), {
    pulsar: { tls: { validate_hostname: true, allow_insecure: false }, auth: {} },
  });
});

test('what goes together must, and what contradicts must not; no secret is shown', () => {
  for (const [env, expected] of [
    [{ PHAROS_PULSAR_TLS_CERT_FILE: 'c' }, /^pulsar\.tls\.key_file: .*expected both cert_file and key_file/],
    [{ PHAROS_PULSAR_TLS_KEY_FILE: 'k' }, /^pulsar\.tls\.cert_file: /],
    [{ PHAROS_PULSAR_AUTH_USERNAME: 'ann' }, /^pulsar\.auth\.password: .*expected both username and password/],
    [{ PHAROS_PULSAR_AUTH_PASSWORD: 'tell-nobody' }, /^pulsar\.auth\.username: /],
    [{ PHAROS_PULSAR_AUTH_TOKEN: 'tell-nobody', PHAROS_PULSAR_AUTH_TOKEN_FILE: 'f' }, /^pulsar\.auth\.token: .*one of/],
    [{ PHAROS_PULSAR_AUTH_USERNAME: 'a:b', PHAROS_PULSAR_AUTH_PASSWORD: 'tell-nobody' }, /^pulsar\.auth\.username: /],
  ] as const) {
    const [problem = '', ...others] = problems(env);
    assert.match(problem, expected);
    assert.deepEqual(others, []);
    assert.ok(!problem.includes('tell-nobody'), problem);
  }
});

test('secrets are described as such', () => {
  const secrets = describeConfig(schema).filter((setting) => setting.secret);
  assert.deepEqual(
    secrets.map(({ path }) => path),
    ['pulsar.auth.token', 'pulsar.auth.password'],
  );
});
