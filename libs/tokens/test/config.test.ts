import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, loadConfig, z } from '@pharos/config';
import { subscriptionTokenSection, tokenSection } from '../src/index.ts';
import { rsa } from './support.ts';

function problems(section: z.ZodType, settings: Readonly<Record<string, string>>): string {
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`PHAROS_T_${name.toUpperCase()}`, value]),
  );
  try {
    loadConfig(z.strictObject({ t: section }), { env });
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.message;
  }
  return '';
}

test('what contradicts itself is said, with the option and what is expected', () => {
  const section = tokenSection();
  assert.equal(problems(section, {}), '');
  assert.equal(problems(section, { hmac_secret_key: 'a', rsa_public_key: rsa.pem }), '');
  assert.equal(problems(section, { hmac_secret_key: 'a', jwks_public_endpoint: 'https://keys.example' }), '');
  assert.match(problems(section, { hmac_previous_secret_key: 'a' }), /t\.hmac_secret_key.*expected a key beside/);
  assert.match(
    problems(section, { hmac_secret_key: 'a', hmac_previous_secret_key_valid_until: '5' }),
    /t\.hmac_previous_secret_key.*expected a key beside/,
  );
  assert.match(
    problems(section, { rsa_public_key: rsa.pem, jwks_public_endpoint: 'https://keys.example' }),
    /t\.jwks_public_endpoint.*not both/,
  );
  assert.match(problems(section, { rsa_public_key: 'MIIB' }), /t\.rsa_public_key/);
});

test('keys for subscriptions that nobody uses are refused', () => {
  const section = subscriptionTokenSection();
  assert.match(problems(section, { hmac_secret_key: 'a' }), /t\.enabled.*expected true/);
  assert.equal(problems(section, { hmac_secret_key: 'a', enabled: 'true' }), '');
});

test('a secret is never shown', () => {
  const settings = { hmac_previous_secret_key: 'tell-nobody', jwks_public_endpoint: 'ftp://x' };
  const text = problems(tokenSection(), settings);
  assert.notEqual(text, '');
  assert(!text.includes('tell-nobody'));
});
