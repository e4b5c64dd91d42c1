import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig, z } from '../src/index.ts';
import { sampleSchema } from './sample.ts';

const settings = new Map(describeConfig(sampleSchema).map((setting) => [setting.path, setting]));

test('a setting is described with its variable, type and default as one would write it', () => {
  assert.deepEqual(settings.get('listen'), {
    path: 'listen',
    env: 'PHAROS_LISTEN',
    envFile: undefined,
    type: 'host:port such as 127.0.0.1:9001 or [::1]:9001',
    default: '127.0.0.1:9001',
    required: false,
    secret: false,
    description: 'Where clients connect.',
  });
  assert.equal(settings.get('ping_interval')?.default, '25s');
  assert.equal(settings.get('max_frame')?.default, '64KiB');
  assert.equal(settings.get('allowed_origins')?.default, '[]');
  assert.equal(settings.get('allowed_origins')?.type, 'a list (separated by commas in the environment)');
});

test('what is required and what is secret is said', () => {
  assert.equal(settings.get('pulsar.url')?.required, true);
  assert.equal(settings.get('pulsar.url')?.description, 'The service URL.');
  assert.equal(settings.get('pulsar.admin_url')?.required, false);
  assert.equal(settings.get('auth.token_secret')?.secret, true);
  assert.equal(settings.get('auth.token_secret')?.envFile, 'PHAROS_AUTH_TOKEN_SECRET_FILE');
  assert.equal(settings.get('namespaces')?.envFile, 'PHAROS_NAMESPACES_FILE');
});

test('a map is described as a whole and by the settings of an entry, which have no variable', () => {
  assert.equal(settings.get('namespaces')?.env, 'PHAROS_NAMESPACES');
  assert.equal(settings.get('namespaces')?.type, 'a map (JSON in the environment)');
  const inside = settings.get('namespaces.<name>.history_ttl');
  assert.equal(inside?.env, undefined);
  assert.equal(inside?.default, '1m');
  assert.ok(settings.has('namespaces.<name>.limits.size'));
});

test('a list of sections is described by an element, and written as JSON in the environment', () => {
  const schema = z.object({ rules: z.array(z.object({ name: z.string() })).default([]) });
  const [list, name] = describeConfig(schema);
  assert.equal(list?.type, 'a list (JSON in the environment)');
  assert.deepEqual([name?.path, name?.env, name?.required], ['rules.<index>.name', undefined, true]);
});
