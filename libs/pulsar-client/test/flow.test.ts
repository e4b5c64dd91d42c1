import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Flow, FlowPool } from '../src/consumer/flow.ts';
import { Regrant } from '../src/consumer/regrant.ts';

const kib = 1024;

/** Has seen so many entries of this size that it believes in them. */
function used(flow: Flow, messages: number, bytes: number): void {
  for (let entry = 0; entry < 600; entry++) {
    flow.grant();
    flow.arrived(messages, bytes);
    flow.taken(messages, bytes);
  }
  flow.restart();
}

function newFlow(window: number, maxBytes: number, maxMessages = Number.POSITIVE_INFINITY): Flow {
  return new Flow(window, new FlowPool({ maxMessages, maxBytes }));
}

describe('flow', () => {
  test('begins with one entry, since nobody knows how large they are, and goes on with twice as many', () => {
    const flow = newFlow(1000, 1024 * kib);
    assert.equal(flow.grant(), 1);
    assert.equal(flow.grant(), 0);
    flow.arrived(1, 100);
    assert.equal(flow.grant(), 3);
  });

  test('then asks for a window, and again when half of it is used', () => {
    const flow = newFlow(1000, 1024 * kib);
    used(flow, 1, 1);
    assert.equal(flow.grant(), 1000);
    assert.equal(flow.grant(), 0);
    for (let entry = 0; entry < 499; entry++) flow.arrived(1, 1);
    for (let entry = 0; entry < 499; entry++) flow.taken(1, 1);
    assert.equal(flow.grant(), 0, '501 are still out');
    flow.arrived(1, 1);
    flow.taken(1, 1);
    assert.equal(flow.grant(), 500);
  });

  test('grants nothing while the queue holds its bytes', () => {
    const flow = newFlow(10, 100);
    assert.equal(flow.grant(), 1);
    flow.arrived(1, 150);
    assert.equal(flow.grant(), 0);
    flow.taken(1, 150);
    assert.equal(flow.grant(), 1);
  });

  test('asks for fewer as entries turn out large, and never for more than there is room for', () => {
    const flow = newFlow(10_000, 1024 * kib);
    used(flow, 1, 100 * kib);
    const granted = flow.grant();
    assert.ok(granted >= 6 && granted <= 10, `${granted} of 100 KiB each into 1 MiB`);
  });

  test('reckons a permit as a batch, because the broker sends whole ones', () => {
    const flow = newFlow(1000, 1024 * kib, 5000);
    used(flow, 500, 500);
    assert.ok(flow.grant() <= 10, 'more than 5000 messages were asked for');
  });

  test('a batch beyond the permits is made up for', () => {
    const flow = newFlow(100, 1024 * kib);
    assert.equal(flow.grant(), 1);
    flow.arrived(5000, 5000);
    flow.taken(5000, 5000);
    assert.ok(flow.grant() > 4999);
  });

  test('what was believed to be under way and did not come is asked for after a while, though nothing is taken', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const flow = newFlow(1000, 1024 * kib);
    used(flow, 10, 1000);
    // As many entries as messages, since the broker may send so many; it sends a tenth.
    let open = flow.grant();
    assert.ok(open > 0);
    for (; open > 0; open -= 10) flow.arrived(10, 1000);
    assert.equal(flow.grant(), 0, 'more entries may be under way');
    let granted = 0;
    const regrant = new Regrant(flow, () => {
      const more = flow.grant();
      granted += more;
      if (more === 0) regrant.arm();
    });
    regrant.arm();
    for (let look = 0; look < 3; look++) {
      now += 250;
      t.mock.timers.tick(250);
    }
    assert.ok(granted > 0, 'the queue stays as it is');
  });

  test('half of what is shared is for whoever needs it; the other half waits for its partition', () => {
    const pool = new FlowPool({ maxMessages: 1000, maxBytes: 1024 * kib });
    const flows = Array.from({ length: 5 }, () => new Flow(1000, pool));
    for (const flow of flows) used(flow, 1, 1);
    const [busy, ...others] = flows as [Flow, ...Flow[]];
    assert.equal(busy.grant(), 600, 'its own tenth, and all that is common');
    for (const flow of others) assert.equal(flow.grant(), 100);
    busy.leave();
    assert.ok((others[0] as Flow).grant() > 100, 'what is common is free again');
  });

  test('a partition that has nothing may have one entry, however much the others hold', () => {
    const pool = new FlowPool({ maxMessages: 2, maxBytes: 10 });
    for (const flow of Array.from({ length: 5 }, () => new Flow(1000, pool))) {
      assert.equal(flow.grant(), 1);
      flow.arrived(1, 1000);
      assert.equal(flow.grant(), 0);
    }
  });

  test('reading must stop where more came than one entry a partition above the limit', () => {
    const pool = new FlowPool({ maxMessages: 1000, maxBytes: 1000 });
    const flows = [new Flow(100, pool), new Flow(100, pool)] as const;
    for (let entry = 0; entry < 6; entry++) flows[entry % 2 === 0 ? 0 : 1].arrived(1, 200);
    assert.equal(pool.flooded, false);
    flows[0].arrived(1, 201);
    assert.equal(pool.flooded, false);
    flows[0].arrived(1, 10);
    assert.equal(pool.flooded, true);
    flows[1].taken(1, 200);
    assert.equal(pool.flooded, false);
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
        fc.integer({ min: 1, max: 5000 }),
        (all, window, bytes, messages) => {
          const flow = newFlow(window, bytes, messages);
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
