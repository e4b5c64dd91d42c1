import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientLog } from '../src/client-log.ts';

test('warnings and errors are said with their reason, repetitions once, the rest not at all', () => {
  const said: string[] = [];
  const log = clientLog((text) => void said.push(text));
  log.debug({}, 'd');
  log.info({}, 'i');
  log.warn({ reason: 'refused', delayMs: 1 }, 'no broker');
  log.warn({ reason: 'refused', delayMs: 2 }, 'no broker');
  log.warn({ reason: 'not ready' }, 'no broker');
  log.error({ err: new Error('broken') }, 'defect');
  log.warn({}, 'flooded');
  assert.deepEqual(said, ['no broker: refused', 'no broker: not ready', 'defect: broken', 'flooded']);
});
