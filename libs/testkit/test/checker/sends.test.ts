import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type FaultKind, type Outcome, type SendRecord, verifySends } from '@pharos/testkit';
import { channel, histories } from './histories.ts';

const send = (number: number, outcome: Outcome, session = 1, attempts = 1): SendRecord => ({
  message: `p#${number}`,
  session,
  outcome,
  attempts,
});

/** The faults of one publisher whose publications the log has in this order. */
function kinds(sends: readonly SendRecord[], inLog: readonly number[]): FaultKind[] {
  const entries = inLog.map((number, index) => ({ offset: 10 + index, message: `p#${number}` }));
  const logs = [{ publisher: 'p', channel, sends }];
  return verifySends(logs, { channel, epoch: undefined, entries }).map(({ kind }) => kind);
}

describe('the checker of publishers', () => {
  test('finds nothing in correct histories, and each publication that the log lacks or has twice', () => {
    fc.assert(
      fc.property(histories, fc.nat(), ({ truth, sends }, pick) => {
        assert.deepEqual(verifySends(sends, truth), []);
        const at = pick % truth.entries.length;
        const entry = truth.entries[at] as { offset: number; message: string };
        const outcome = sends.flatMap((log) => log.sends).find(({ message }) => message === entry.message)?.outcome;
        const without = { ...truth, entries: truth.entries.toSpliced(at, 1) };
        const expected = outcome === 'acknowledged' ? ['lost'] : [];
        assert.deepEqual(
          verifySends(sends, without).map(({ kind }) => kind),
          expected,
        );
        const twice = { ...truth, entries: [...truth.entries, { ...entry, offset: 1e6 }] };
        assert.deepEqual(
          verifySends(sends, twice).map(({ kind }) => kind),
          ['duplicate'],
        );
      }),
      { numRuns: 500 },
    );
  });

  test('an unknown outcome is there once for each attempt, or not at all; a refused publication is not', () => {
    assert.deepEqual(kinds([send(1, 'unknown')], []), []);
    assert.deepEqual(kinds([send(1, 'unknown')], [1]), []);
    assert.deepEqual(kinds([send(1, 'unknown')], [1, 1]), ['duplicate']);
    assert.deepEqual(kinds([send(1, 'unknown', 1, 2)], [1, 1]), []);
    assert.deepEqual(kinds([send(1, 'acknowledged', 1, 3)], [1, 1, 1]), []);
    assert.deepEqual(kinds([send(1, 'acknowledged', 1, 3)], []), ['lost']);
    assert.deepEqual(kinds([send(1, 'refused')], []), []);
    assert.deepEqual(kinds([send(1, 'refused')], [1]), ['strange']);
    assert.deepEqual(kinds([], [1]), ['strange']);
  });

  test('a connection keeps its order; what an earlier connection left in doubt may come late', () => {
    const [one, two] = [send(1, 'acknowledged'), send(2, 'acknowledged')];
    assert.deepEqual(kinds([one, two], [2, 1]), ['reordered']);
    assert.deepEqual(kinds([one, send(2, 'acknowledged', 2)], [2, 1]), ['reordered']);
    assert.deepEqual(kinds([one, send(2, 'unknown')], [2, 1]), ['reordered']);
    assert.deepEqual(kinds([send(1, 'unknown'), two], [2, 1]), ['reordered']);
    assert.deepEqual(kinds([send(1, 'unknown'), send(2, 'acknowledged', 2)], [2, 1]), []);
    assert.deepEqual(kinds([send(1, 'unknown'), send(2, 'unknown', 2)], [2, 1]), []);
  });
});
