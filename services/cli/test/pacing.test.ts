import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacer, sleep } from '../src/pacer.ts';
import { Window } from '../src/window.ts';
import { FakeStop } from './fakes.ts';

test('the pacer spreads lines evenly', () => {
  const pacer = new Pacer(500, () => 1000);
  assert.deepEqual([pacer.next(), pacer.next(), pacer.next()], [0, 2, 4]);
});

test('the pacer makes up for late timers, but not for a stall', () => {
  let now = 0;
  const pacer = new Pacer(100, () => now);
  pacer.next();
  now = 15; // the second line was due at 10
  assert.equal(pacer.next(), -5);
  assert.equal(pacer.next(), 5);
  now = 10_000;
  let immediate = 0;
  while (pacer.next() <= 0) immediate++;
  assert.ok(immediate <= 6, `${immediate} lines at once after a stall`);
});

test('a sleep ends at a stop and leaves no listener', async () => {
  const stop = new FakeStop();
  await sleep(1, stop);
  assert.equal(stop.listeners, 0);
  const long = sleep(60_000, stop);
  stop.pull();
  await long;
});

test('the window bounds messages and bytes, and takes one message of any size', () => {
  const window = new Window({ maxMessages: 2, maxBytes: 10 });
  assert.equal(window.tryTake(100), true);
  assert.equal(window.tryTake(1), false);
  window.release(100);
  assert.deepEqual(
    [window.tryTake(5), window.tryTake(6), window.tryTake(5), window.tryTake(0)],
    [true, false, true, false],
  );
});

test('a release wakes the waiter', async () => {
  const window = new Window({ maxMessages: 1, maxBytes: 10 });
  window.tryTake(1);
  const changed = window.changed();
  window.release(1);
  await changed;
  assert.equal(window.tryTake(1), true);
});
