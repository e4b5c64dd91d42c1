import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Flow } from '../src/consumer/flow.ts';

const kib = 1024;

describe('flow', () => {
  test('begins with a window and asks again when half of it is used', () => {
    const flow = new Flow(1000, 1024 * kib);
    assert.equal(flow.grant(), 1000);
    assert.equal(flow.grant(), 0);
    flow.arrived(400, 400);
    flow.taken(400, 400);
    assert.equal(flow.grant(), 0, '600 are still out');
    flow.arrived(100, 100);
    flow.taken(100, 100);
    assert.equal(flow.grant(), 500);
  });

  test('grants nothing while the queue holds its bytes', () => {
    const flow = new Flow(10, 100);
    assert.equal(flow.grant(), 1, 'messages are taken to be some hundred bytes');
    flow.arrived(1, 150);
    assert.equal(flow.grant(), 0);
    flow.taken(1, 150);
    assert.equal(flow.grant(), 1);
  });

  test('shrinks its window as messages turn out large', () => {
    const flow = new Flow(10_000, 1024 * kib);
    flow.grant();
    for (let entry = 0; entry < 20; entry++) {
      flow.arrived(1, 100 * kib);
      flow.taken(1, 100 * kib);
    }
    flow.restart();
    const granted = flow.grant();
    assert.ok(granted >= 10 && granted <= 20, `${granted} of 100 KiB each into 1 MiB`);
  });

  test('a batch beyond the permits is made up for', () => {
    const flow = new Flow(100, 1024 * kib);
    assert.equal(flow.grant(), 100);
    flow.arrived(5000, 5000);
    flow.taken(5000, 5000);
    assert.equal(flow.grant(), 5000);
  });

  test('whatever arrives and is taken, permits never run dry with an empty queue', () => {
    const entries = fc.array(fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 200_000 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(
        entries,
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (all, max, bytes) => {
          const flow = new Flow(max, bytes);
          let permits = flow.grant();
          for (const [count, size] of all) {
            assert.ok(permits > 0, 'the broker may send nothing, and nothing is there to be taken');
            permits -= count;
            flow.arrived(count, size);
            permits += flow.grant();
            flow.taken(count, size);
            permits += flow.grant();
          }
          assert.equal(flow.queuedBytes, 0);
        },
      ),
      { numRuns: 200 },
    );
  });
});
