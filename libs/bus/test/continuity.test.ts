import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Continuity, type EntryPlace, type Verdict } from '../src/pulsar/continuity.ts';
import { formatPosition, parsePosition } from '../src/pulsar/position.ts';

const at = (session: number, ledger: number, entry: number, firstOffset: number, count = 1): EntryPlace => ({
  session,
  ledgerId: BigInt(ledger),
  entryId: BigInt(entry),
  firstOffset,
  count,
});
const begin = (head = 10): Continuity => new Continuity({ ledgerId: 5n, entryId: 3n, head, session: 1 }, true);
const deliver: Verdict = { do: 'deliver', skip: 0 };

describe('continuity', () => {
  test('dense offsets are delivered, over ledgers and sessions too', () => {
    const continuity = begin();
    assert.deepEqual(continuity.judge(at(1, 5, 4, 11, 3)), deliver);
    assert.deepEqual(continuity.judge(at(1, 6, 0, 14)), deliver);
    assert.deepEqual(continuity.judge(at(2, 6, 1, 15)), deliver);
    assert.equal(continuity.head, 15);
    assert.equal(continuity.entryId, 1n);
  });

  test('what was seen is dropped after a resubscription', () => {
    const continuity = begin();
    assert.deepEqual(continuity.judge(at(1, 5, 4, 11)), deliver);
    assert.deepEqual(continuity.judge(at(2, 5, 3, 10)), { do: 'drop' });
    assert.deepEqual(continuity.judge(at(2, 5, 4, 11)), { do: 'drop' });
    assert.deepEqual(continuity.judge(at(2, 5, 5, 12)), deliver);
  });

  test('a jump within one session and ledger is the broker’s', () => {
    const hole = { from: 11, to: 12, kind: 'broker' } as const;
    assert.deepEqual(begin().judge(at(1, 5, 4, 13)), { do: 'deliver', skip: 0, hole });
  });

  test('a jump over a ledger’s end is re-read once, delivering nothing meanwhile, then lost', () => {
    const continuity = begin();
    assert.deepEqual(continuity.judge(at(1, 6, 0, 13)), { do: 'reread' });
    assert.deepEqual(continuity.judge(at(1, 6, 1, 14)), { do: 'drop' });
    assert.equal(continuity.head, 10);
    assert.deepEqual(continuity.judge(at(2, 5, 3, 10)), { do: 'drop' });
    const hole = { from: 11, to: 12, kind: 'lost' } as const;
    assert.deepEqual(continuity.judge(at(2, 6, 0, 13)), { do: 'deliver', skip: 0, hole });
    assert.deepEqual(continuity.judge(at(2, 6, 1, 14)), deliver);
  });

  test('a jump that the re-read fills was this session’s fault', () => {
    const continuity = begin();
    assert.deepEqual(continuity.judge(at(2, 5, 6, 13)), { do: 'reread' });
    assert.deepEqual(continuity.judge(at(3, 5, 3, 10)), { do: 'drop' });
    assert.deepEqual(continuity.judge(at(3, 5, 4, 11)), deliver);
    assert.deepEqual(continuity.judge(at(3, 5, 5, 12)), deliver);
  });

  test('a jump right behind the last entry, seen again, is the broker’s', () => {
    const continuity = begin();
    assert.deepEqual(continuity.judge(at(2, 5, 5, 12)), { do: 'reread' });
    assert.deepEqual(continuity.judge(at(3, 5, 3, 10)), { do: 'drop' });
    const hole = { from: 11, to: 11, kind: 'broker' } as const;
    assert.deepEqual(continuity.judge(at(3, 5, 5, 12)), { do: 'deliver', skip: 0, hole });
  });

  test('a jump that a damaged entry leaves is lost', () => {
    const continuity = begin();
    continuity.skipDamaged();
    const hole = { from: 11, to: 13, kind: 'lost' } as const;
    assert.deepEqual(continuity.judge(at(1, 5, 5, 14)), { do: 'deliver', skip: 0, hole });
    assert.deepEqual(continuity.judge(at(1, 5, 6, 16)), {
      do: 'deliver',
      skip: 0,
      hole: { from: 15, to: 15, kind: 'broker' },
    });
  });

  test('a tail that begins inside an entry gets the rest of it', () => {
    const continuity = new Continuity({ ledgerId: 5n, entryId: 3n, head: 8, session: -1 }, true);
    assert.deepEqual(continuity.judge(at(1, 5, 3, 6, 5)), { do: 'deliver', skip: 3 });
    assert.equal(continuity.head, 10);
    assert.deepEqual(continuity.judge(at(2, 5, 3, 6, 5)), { do: 'drop' });
  });

  test('an index that goes backwards, or changes, or is missing is broken', () => {
    assert.deepEqual(begin().judge(at(1, 6, 0, 1)), { do: 'index-broken' });
    assert.deepEqual(begin().judge(at(1, 5, 4, 10, 4)), { do: 'index-broken' });
    assert.deepEqual(begin().judge(at(2, 5, 3, 4)), { do: 'index-broken' });
    assert.deepEqual(begin().judge(at(1, 5, 4, 0)), { do: 'index-broken' });
    const continuity = begin();
    continuity.stopIndexing();
    assert.deepEqual(continuity.judge(at(1, 5, 3, 0)), { do: 'drop' });
    assert.deepEqual(continuity.judge(at(1, 6, 0, 1)), deliver);
    assert.equal(continuity.head, 0);
  });

  const entryArbitrary = fc.record({
    count: fc.integer({ min: 1, max: 4 }),
    gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) }),
    newLedger: fc.boolean(),
    // What the session does before the entry: goes on, reconnects from so many entries back, or skips entries.
    mishap: fc.integer({ min: -3, max: 4 }),
  });

  test('whatever reconnects and skips there are, every entry is delivered once, in order, and every gap told once', () => {
    fc.assert(
      fc.property(fc.array(entryArbitrary, { minLength: 1, maxLength: 40 }), (plan) => {
        const log = layOut(plan);
        const continuity = new Continuity({ ledgerId: 0n, entryId: 0n, head: 1, session: 0 }, true);
        const delivered: number[] = [];
        let told = 0;
        let session = 0;
        let reading = 1;
        let steps = 0;
        let rereading = false;
        while (reading < log.length) {
          assert.ok(steps++ < 10 * log.length + 100, 'goes on for ever');
          const mishap = steps <= plan.length ? (plan[steps - 1]?.mishap ?? 0) : 0;
          if (mishap < 0) {
            session++;
            reading = Math.max(0, reading + mishap);
          } else if (mishap > 2 && !rereading) {
            // A faulty resume: a new session that begins too late. A re-read itself begins where it should.
            session++;
            reading = Math.min(log.length - 1, reading + 1);
          }
          const entry = log[reading] as EntryPlace;
          const verdict = continuity.judge({ ...entry, session });
          reading++;
          if (verdict.do === 'deliver') {
            rereading = false;
            delivered.push(entry.firstOffset);
            if (verdict.hole !== undefined) told += verdict.hole.to - verdict.hole.from + 1;
          } else if (verdict.do === 'reread') {
            session++;
            rereading = true;
            reading = log.findIndex(
              (known) => known.ledgerId === continuity.ledgerId && known.entryId === continuity.entryId,
            );
          } else assert.equal(verdict.do, 'drop');
        }
        const expected = log.slice(1, 1 + delivered.length);
        assert.deepEqual(
          delivered,
          expected.map((entry) => entry.firstOffset),
        );
        const last = expected.at(-1);
        const published = expected.reduce((sum, entry) => sum + entry.count, 0);
        if (last !== undefined) assert.equal(told, last.firstOffset + last.count - 2 - published);
      }),
      { numRuns: 500 },
    );
  });
});

/** A log that begins with entry 0:0 of offset 1. */
function layOut(plan: readonly { count: number; gap: number; newLedger: boolean }[]): EntryPlace[] {
  const log: EntryPlace[] = [at(0, 0, 0, 1)];
  for (const step of plan) {
    const last = log.at(-1) as EntryPlace;
    log.push({
      session: 0,
      ledgerId: step.newLedger ? last.ledgerId + 1n : last.ledgerId,
      entryId: step.newLedger ? 0n : last.entryId + 1n,
      firstOffset: last.firstOffset + last.count + step.gap,
      count: step.count,
    });
  }
  return log;
}

describe('positions', () => {
  test('go to text and back', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
        fc.nat(),
        fc.option(fc.nat(100_000)),
        (ledger, entry, index) => {
          const text = formatPosition(ledger, BigInt(entry), index ?? -1);
          const expected = { ledgerId: ledger, entryId: BigInt(entry) };
          assert.deepEqual(parsePosition(text), index === null ? expected : { ...expected, batchIndex: index });
        },
      ),
    );
  });

  test('anything else is refused by name', () => {
    for (const text of ['', '1', '1:', 'a:b', '1:2:3:4', '-1:2', '1:2:']) {
      assert.throws(() => parsePosition(text), { code: 'position-gone' }, text);
    }
  });
});
