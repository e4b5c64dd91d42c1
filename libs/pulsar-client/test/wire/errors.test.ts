import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PharosError } from '@pharos/errors';
import { serverError, serverErrorName, WireError, wireErrors } from '../../src/wire/index.ts';

test('a WireError carries its code and its cause, and is never worth a retry', () => {
  const cause = new Error('cause');
  const error = new WireError('malformed', 'wrong', { cause });
  assert.ok(error instanceof PharosError);
  assert.deepEqual([error.name, error.code, error.retryable, error.cause], ['WireError', 'malformed', false, cause]);
});

test('every code is described', () => {
  for (const [code, { description }] of Object.entries(wireErrors)) assert.match(description, /\.$/, code);
});

test('server errors are named by their numbers, 0 to 25 without a gap', () => {
  assert.equal(serverErrorName(11), 'TopicNotFound');
  assert.equal(serverErrorName(25), 'ProducerFenced');
  for (const [name, number] of Object.entries(serverError)) assert.equal(serverErrorName(number), name);
  assert.deepEqual(
    Object.values(serverError),
    Array.from({ length: 26 }, (_, number) => number),
  );
});

test('a server error that is newer than the table has no name', () => {
  assert.equal(serverErrorName(26), undefined);
  assert.equal(serverErrorName(-1), undefined);
});
