import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminUrlOf } from '../src/pulsar/admin-url.ts';

test('the admin API is looked for beside the service', () => {
  const expected: [string, string][] = [
    ['pulsar://broker:6650', 'http://broker:8080'],
    ['pulsar://broker', 'http://broker:8080'],
    ['pulsar+ssl://broker.example:6651', 'https://broker.example:8443'],
    ['pulsar://one:6650,two:6650', 'http://one:8080,two:8080'],
    ['pulsar://[::1]:6650', 'http://[::1]:8080'],
  ];
  for (const [service, admin] of expected) assert.equal(adminUrlOf(service), admin);
});
