import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeError, PharosError } from '../src/index.ts';

const table = {
  busy: { retryable: true, description: 'Somebody else has it.' },
  broken: { retryable: false, description: 'It is broken.' },
} as const;

class ThingError extends PharosError<keyof typeof table> {}

test('an error knows its code, its name, its cause and whether to try again', () => {
  const cause = new Error('socket closed');
  const error = new ThingError(table, 'busy', 'the thing is busy', { cause });
  assert.equal(error.name, 'ThingError');
  assert.equal(error.code, 'busy');
  assert.equal(error.retryable, true);
  assert.equal(error.cause, cause);
  assert.equal(new ThingError(table, 'broken', 'x').retryable, false);
  assert.equal(new ThingError(table, 'busy', 'x', { retryable: false }).retryable, false);
});

test('describeError tells the chain of causes on one line', () => {
  const error = new Error('outer', { cause: new Error('inner\n  second line', { cause: 'a string' }) });
  assert.equal(describeError(error), 'outer: inner second line: a string');
  assert.equal(describeError('text'), 'text');
  assert.equal(describeError(new TypeError('')), 'TypeError');
});

test('describeError leaves out a cause that only repeats, and ends in a cycle', () => {
  const error = new Error('same', { cause: new Error('same') });
  assert.equal(describeError(error), 'same');
  const cycle = new Error('a');
  cycle.cause = new Error('b', { cause: cycle });
  assert.match(describeError(cycle), /^a: b/);
});
