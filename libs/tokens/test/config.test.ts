import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '@pharos/config';
import { tokenProblem } from '../src/index.ts';
import { config, rsa } from './support.ts';

test('what contradicts itself is said, with the option and what is expected', () => {
  const problem = (settings: Record<string, string>) => tokenProblem(config(settings));
  assert.equal(problem({ hmac_secret_key: 'a', rsa_public_key: rsa.pem }), undefined);
  assert.equal(problem({ hmac_secret_key: 'a', jwks_public_endpoint: 'https://keys.example' }), undefined);
  assert.deepEqual(problem({ hmac_previous_secret_key: 'a' })?.[0], 'hmac_secret_key');
  assert.deepEqual(
    problem({ hmac_secret_key: 'a', hmac_previous_secret_key_valid_until: '5' })?.[0],
    'hmac_previous_secret_key',
  );
  assert.deepEqual(
    problem({ rsa_public_key: rsa.pem, jwks_public_endpoint: 'https://keys.example' })?.[0],
    'jwks_public_endpoint',
  );
});

test('a secret is never shown', () => {
  assert.throws(
    () => config({ hmac_secret_key: '', hmac_previous_secret_key: 'tell-nobody', jwks_public_endpoint: 'ftp://x' }),
    (error) => error instanceof ConfigError && !error.message.includes('tell-nobody'),
  );
});
