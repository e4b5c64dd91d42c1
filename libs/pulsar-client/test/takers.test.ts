// Those who wait for messages, without a consumer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Takers } from '../src/consumer/takers.ts';
import { PulsarError } from '../src/errors.ts';
import { pulsarError } from './support/producers.ts';

test('a poll behind somebody who waits for long leaves nothing behind', async () => {
  const takers = new Takers(() => undefined);
  const long = takers.one(undefined, 'receiving');
  for (let round = 0; round < 10; round++) {
    const polls = Array.from({ length: 100 }, () => takers.one(0, 'receiving'));
    await Promise.all(polls.map((poll) => assert.rejects(poll, pulsarError('Timeout'))));
  }
  assert.ok(takers.size <= 201, `${takers.size} wait`);
  takers.fail(new PulsarError('AlreadyClosed', 'over'));
  await assert.rejects(long, /over/);
});
