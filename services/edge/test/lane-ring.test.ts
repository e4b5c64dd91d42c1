import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { javaStringHash } from '@pharos/bytes';
import { markerProperty } from '@pharos/bus';
import fc from 'fast-check';
import { LaneRing, type RingChannel } from '../src/outbound/lane-ring.ts';
import { RingBudget } from '../src/outbound/ring-budget.ts';
import { fakeEntry, type FakeMessage, hashesOf } from './support/fakes.ts';

const channel = (name: string): RingChannel => ({ name, key: Buffer.from(name), keyHash: javaStringHash(name) });

function newRing(maxBytes = 1_000_000, maxAgeMs = 60_000, budget = new RingBudget(1_000_000)): LaneRing {
  return new LaneRing({ maxBytes, maxAgeMs }, budget);
}

function add(ring: LaneRing, messages: readonly FakeMessage[], firstOffset: number, nowMs = 0): void {
  const entry = fakeEntry(messages, firstOffset);
  ring.add(entry, hashesOf(entry), nowMs);
}

function offsetsOf(ring: LaneRing, name: string, after: number): number[] {
  const offsets: number[] = [];
  ring.walk(channel(name), after, { publication: (cursor) => offsets.push(cursor.offset) > 0 });
  return offsets;
}

describe('the newest entries of a lane', () => {
  test('give a channel its own publications after an offset, inside an entry too, and none of a channel with the same hash', () => {
    const ring = newRing();
    ring.restart(10);
    add(ring, [{ key: 'Aa' }, { key: 'BB' }, { key: 'Aa' }], 11);
    add(ring, [{}, { key: 'Aa' }], 14);
    assert.deepEqual(offsetsOf(ring, 'Aa', 10), [11, 13, 15]);
    assert.deepEqual(offsetsOf(ring, 'Aa', 11), [13, 15]);
    assert.deepEqual(offsetsOf(ring, 'BB', 10), [12]);
    assert.deepEqual(offsetsOf(ring, 'chat', 10), [14]);
    assert.deepEqual(offsetsOf(ring, 'Aa', 15), []);
    assert.deepEqual(
      [9, 10, 15].map((offset) => ring.reaches(offset)),
      [false, true, true],
    );
  });

  test('leave out marks of Pharos’s own, and stop when the visitor has enough', () => {
    const ring = newRing();
    add(ring, [{ key: 'a' }, { key: 'a', properties: { [markerProperty]: 'x' } }, { key: 'a' }], 1);
    assert.deepEqual(offsetsOf(ring, 'a', 0), [1, 3]);
    let visits = 0;
    ring.walk(channel('a'), 0, { publication: () => ++visits < 1 });
    assert.equal(visits, 1);
  });

  test('are kept by bytes and by age; what is gone is not claimed', () => {
    const ring = newRing(1_000, 100);
    for (let offset = 1; offset <= 10; offset++) add(ring, [{ key: 'a', data: 'x'.repeat(100) }], offset, offset);
    assert.ok(ring.bytes <= 1_000);
    const [first = 0] = offsetsOf(ring, 'a', 0);
    assert.ok(first > 1 && !ring.reaches(first - 2) && ring.reaches(first - 1));
    ring.expire(200);
    assert.equal(ring.bytes, 0);
    assert.deepEqual(
      [9, 10].map((offset) => ring.reaches(offset)),
      [false, true],
    );
  });

  test('are good for nothing from a loss on, until they begin again behind it', () => {
    const ring = newRing();
    add(ring, [{ key: 'a' }], 1);
    ring.restart(5);
    assert.equal(ring.reaches(1), false);
    add(ring, [{ key: 'a' }], 6);
    assert.deepEqual(offsetsOf(ring, 'a', 5), [6]);
    ring.forget();
    assert.equal(ring.reaches(6), false);
    assert.equal(ring.bytes, 0);
  });

  test('of all lanes together are bounded: what came first goes first, whichever lane it is of', () => {
    const budget = new RingBudget(2_000);
    const [one, two] = [newRing(10_000, 60_000, budget), newRing(10_000, 60_000, budget)];
    for (let offset = 1; offset <= 10; offset++) {
      add(offset % 2 === 0 ? two : one, [{ key: 'a', data: 'x'.repeat(100) }], offset, offset);
    }
    assert.ok(budget.bytes <= 2_000);
    assert.equal(one.bytes + two.bytes, budget.bytes);
    assert.ok(Math.abs((one.oldestMs ?? 0) - (two.oldestMs ?? 0)) === 1);
    one.close();
    two.close();
    assert.equal(budget.bytes, 0);
  });

  test('are the same as a list of all that came, for any entries, channels and limits', () => {
    const message = fc.constantFrom<FakeMessage>({ key: 'a' }, { key: 'b' }, { key: 'Aa' }, { key: 'BB' }, {});
    const entries = fc.array(fc.array(message, { minLength: 1, maxLength: 5 }), { maxLength: 40 });
    const property = fc.property(
      entries,
      fc.integer({ min: 300, max: 20_000 }),
      fc.nat(120),
      (all, maxBytes, after) => {
        const ring = newRing(maxBytes);
        ring.restart(0);
        const model: { readonly name: string; readonly offset: number }[] = [];
        let offset = 1;
        for (const messages of all) {
          add(ring, messages, offset);
          for (const { key } of messages) model.push({ name: key ?? 'chat', offset: offset++ });
        }
        for (const name of ['a', 'b', 'Aa', 'BB', 'chat', 'none']) {
          if (!ring.reaches(after)) continue;
          const expected = model.filter((one) => one.name === name && one.offset > after).map((one) => one.offset);
          assert.deepEqual(offsetsOf(ring, name, after), expected);
        }
        assert.ok(ring.reaches(offset - 1));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});
