import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Expirations } from '../src/auth/expirations.ts';

function rig(delayMs: number) {
  const clock = { now: 1_000_000 };
  const expirations = new Expirations(delayMs, () => clock.now);
  const told: string[] = [];
  const item = (name: string) => ({ expired: () => void told.push(name) });
  const at = (seconds: number): void => {
    clock.now = seconds * 1_000;
    expirations.look();
  };
  return { expirations, told, item, at };
}

test('each is told once, when its time and the delay are over', () => {
  const { expirations, told, item, at } = rig(5_000);
  expirations.add(item('a'), 1_010);
  expirations.add(item('b'), 1_011);
  at(1_014);
  assert.deepEqual(told, []);
  at(1_015);
  assert.deepEqual(told, ['a']);
  at(1_015);
  at(1_100);
  assert.deepEqual(told, ['a', 'b']);
});

test('what is prolonged is not told before', () => {
  const { expirations, told, item, at } = rig(0);
  const a = item('a');
  const slot = expirations.add(a, 1_010);
  expirations.remove(a, slot);
  expirations.add(a, 1_020);
  at(1_019);
  assert.deepEqual(told, []);
  at(1_020);
  assert.deepEqual(told, ['a']);
});

test('what is over already is told at the next look, also where the clock went back in between', () => {
  const { expirations, told, item, at } = rig(0);
  at(2_000);
  expirations.add(item('past'), 500);
  at(1_990);
  assert.deepEqual(told, []);
  at(2_001);
  assert.deepEqual(told, ['past']);
});

test('a client is told at least a second, and no more than it can count to', () => {
  const { expirations } = rig(0);
  assert.equal(expirations.ttlSeconds(1_060), 60);
  assert.equal(expirations.ttlSeconds(10), 1);
  // As backends have it that take milliseconds for seconds.
  assert.equal(expirations.ttlSeconds(1_764_288_000_000), 2_147_483_647);
});
