import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SecondLook } from '../src/consumer/second-look.ts';

function newLook(t: TestContext): { look: SecondLook; looks: () => number } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  const look: SecondLook = new SecondLook(() => {
    count++;
    look.lost();
    look.attached();
  });
  return { look, looks: () => count };
}

test('whoever was sent away, is back and hears nothing looks again, once', (t) => {
  const { look, looks } = newLook(t);
  look.attached();
  t.mock.timers.tick(10_000);
  assert.equal(looks(), 0, 'it was never sent away');
  look.lost();
  look.attached();
  t.mock.timers.tick(999);
  assert.equal(looks(), 0);
  t.mock.timers.tick(1);
  assert.equal(looks(), 1);
  t.mock.timers.tick(10_000);
  assert.equal(looks(), 1, 'its own look is no reason for another');
  look.lost();
  look.attached();
  t.mock.timers.tick(1_000);
  assert.equal(looks(), 2, 'sent away once more');
});

test('who hears something, is sent away again or is over does not look', (t) => {
  const { look, looks } = newLook(t);
  look.lost();
  look.attached();
  look.heard();
  t.mock.timers.tick(10_000);
  look.lost();
  look.attached();
  look.lost();
  t.mock.timers.tick(10_000);
  assert.equal(looks(), 0);
});
