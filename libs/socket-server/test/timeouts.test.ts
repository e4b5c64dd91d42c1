// These wait for true time and do nothing meanwhile: a file of their own, which the test runner begins with.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { createSocketServer } from '../src/index.ts';
import { timeoutsConformance } from './conformance/timeouts.ts';

describe('timeouts', { concurrency: true }, () => {
  for (const implementation of ['uws', 'ws'] as const) {
    describe(implementation, { concurrency: true }, () => {
      const onWarning = (message: string): void => assert.fail(message);
      timeoutsConformance((options) => createSocketServer({ ...options, implementation, onWarning }));
    });
  }
});
