import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  describeFaults,
  type FaultKind,
  type StreamEvent,
  type StreamLog,
  truthFromClients,
  verifyStream,
} from '@pharos/testkit';
import { channel, epoch, histories, type History, subscribed } from './histories.ts';

function kinds(log: StreamLog, truth: History['truth']): FaultKind[] {
  return verifyStream(log, truth).faults.map(({ kind }) => kind);
}

function withEvents({ stream }: History, events: readonly StreamEvent[]): StreamLog {
  return { ...stream, events };
}

/** Places of the publications among the client's events. */
function publications(events: readonly StreamEvent[]): number[] {
  return events.flatMap(({ kind }, index) => (kind === 'publication' ? [index] : []));
}

/** Breaks correct histories at a place that `places` offers, and holds that the verifier says so. */
function findsEach(
  places: (history: History) => readonly number[],
  mutate: (events: StreamEvent[], at: number, history: History) => void,
  expected: FaultKind,
): void {
  let broken = 0;
  fc.assert(
    fc.property(histories, fc.nat(), (history, pick) => {
      const where = places(history);
      if (where.length === 0) return;
      const events = [...history.stream.events];
      mutate(events, where[pick % where.length] as number, history);
      broken++;
      const found = kinds(withEvents(history, events), history.truth);
      assert.ok(found.includes(expected), `${expected} not in ${found.join(', ') || 'nothing'}`);
    }),
    { numRuns: 500 },
  );
  assert.ok(broken > 100, `only ${broken} histories were broken`);
}

const allPublications = ({ stream }: History): number[] => publications(stream.events);

describe('the checker of streams', () => {
  test('finds nothing in correct histories', () => {
    fc.assert(
      fc.property(histories, ({ stream, truth }) => {
        const { faults, publications: count } = verifyStream(stream, truth);
        assert.equal(describeFaults(faults), '');
        assert.equal(count, publications(stream.events).length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('finds each publication that is dropped', () => {
    /** What was lost right before the client was told that it may have lost something is told too. */
    const untold = ({ stream: { events } }: History): number[] =>
      publications(events).filter((at) => {
        const next = events.slice(at + 1).find(({ kind }) => kind === 'publication' || kind === 'subscribed');
        return next?.kind !== 'subscribed' || next.recovered;
      });
    findsEach(untold, (events, at) => events.splice(at, 1), 'lost');
  });

  test('finds each publication that comes twice, at once or later', () => {
    findsEach(allPublications, (events, at) => events.splice(at, 0, events[at] as StreamEvent), 'duplicate');
    findsEach(
      allPublications,
      (events, at) => {
        // The last event is a publication, or the client is subscribed: it may come there.
        events.push(events[at] as StreamEvent);
      },
      'duplicate',
    );
  });

  test('finds each pair that is swapped, and calls nothing lost', () => {
    const pairs = ({ stream: { events } }: History): number[] =>
      publications(events).filter((at) => events[at + 1]?.kind === 'publication');
    const swap = (events: StreamEvent[], at: number): void => {
      events.splice(at, 2, events[at + 1] as StreamEvent, events[at] as StreamEvent);
    };
    findsEach(pairs, swap, 'reordered');
    fc.assert(
      fc.property(histories, (history) => {
        const [at] = pairs(history);
        if (at === undefined) return;
        const events = [...history.stream.events];
        swap(events, at);
        assert.deepEqual(kinds(withEvents(history, events), history.truth), ['reordered']);
      }),
    );
  });

  test('finds each `recovered: true` that is forged, and each `recovered: false` that is left out', () => {
    /** Answers that told of something that was really missed. */
    const told = ({ stream: { events }, truth }: History): number[] =>
      events.flatMap((event, at) => {
        if (event.kind !== 'subscribed' || !event.wasRecovering || event.recovered) return [];
        const before = events.slice(0, at).findLast((one) => one.kind === 'publication' || one.kind === 'subscribed');
        const from = before?.offset ?? 0;
        const missed = truth.entries.some(({ offset }) => offset > from && offset <= (event.offset ?? 0));
        return missed ? [at] : [];
      });
    const change = (with_: { recovered: boolean; wasRecovering: boolean }) => (events: StreamEvent[], at: number) => {
      events[at] = { ...(events[at] as Extract<StreamEvent, { kind: 'subscribed' }>), ...with_ };
    };
    findsEach(told, change({ recovered: true, wasRecovering: true }), 'lost');
    findsEach(told, change({ recovered: false, wasRecovering: false }), 'lost');
  });

  test('finds data of another offset, data that nobody sent, and another epoch', () => {
    const change = (with_: object) => (events: StreamEvent[], at: number) => {
      events[at] = { ...(events[at] as StreamEvent), ...with_ };
    };
    findsEach(allPublications, change({ message: 'another' }), 'wrong-data');
    findsEach(allPublications, change({ offset: 1e9 }), 'strange');
    findsEach(() => [0], change({ epoch: 'another.1' }), 'wrong-epoch');
  });

  test('finds what comes after the end of a subscription, and who is away at the end', () => {
    const gone: StreamEvent = { kind: 'disconnected', atMs: 0, code: 0 };
    findsEach(allPublications, (events, at) => events.splice(at, 0, gone), 'stray');
    findsEach(
      () => [0],
      (events) => events.push(gone),
      'away',
    );
  });

  test('who left on purpose owes nothing; who is not yet through owes nothing either', () => {
    const events: StreamEvent[] = [subscribed(0, false, false)];
    const truth = { channel, epoch, entries: [{ offset: 3, message: 'p#1' }] };
    const log = { client: 'c', channel, events };
    assert.deepEqual(kinds(log, truth), ['lost']);
    assert.deepEqual(verifyStream(log, truth, { complete: false }).faults, []);
    assert.deepEqual(kinds({ ...log, events: [...events, { kind: 'left', atMs: 1 }] }, truth), []);
  });

  test('a position before its own is no answer to a client that resumes', () => {
    const events = [subscribed(7, false, false), subscribed(5, true, false)];
    assert.deepEqual(kinds({ client: 'c', channel, events }, { channel, epoch, entries: [] }), ['went-back']);
  });

  test('without positions a close tells; without a close nothing does', () => {
    const plain = { ...subscribed(0, false, false), offset: undefined, recoverable: false } as StreamEvent;
    const publication = (offset: number): StreamEvent => ({
      kind: 'publication',
      atMs: 1,
      offset,
      message: `p#${offset}`,
    });
    const truth = { channel, epoch, entries: [1, 2, 3, 4].map((offset) => ({ offset, message: `p#${offset}` })) };
    const closed: StreamEvent = { kind: 'disconnected', atMs: 1, code: 1006 };
    const whole = [plain, publication(1), publication(2), closed, plain, publication(4)];
    assert.deepEqual(kinds({ client: 'c', channel, events: whole }, truth), []);
    const lossy = [plain, publication(1), publication(4)];
    assert.deepEqual(kinds({ client: 'c', channel, events: lossy }, truth), ['lost']);
    const untold = [plain, publication(1), plain, publication(4)];
    assert.deepEqual(kinds({ client: 'c', channel, events: untold }, truth), ['lost']);
  });

  test('the verdict names client, channel, what was expected and seen, and what happened around', () => {
    const truth = { channel, epoch, entries: [1, 2, 3].map((offset) => ({ offset, message: `p#${offset}` })) };
    const events: StreamEvent[] = [
      subscribed(0, false, false),
      { kind: 'publication', atMs: 1_000, offset: 1, message: 'p#1' },
      { kind: 'publication', atMs: 2_000, offset: 3, message: 'p#3' },
    ];
    const text = describeFaults(verifyStream({ client: 'client 7', channel, events }, truth).faults);
    assert.match(text, /^1 faults: 1 lost\nlost: client 7 in 'rooms:1': expected 2 'p#2', seen 3 'p#3'\n/);
    assert.match(text, /\n {4}> 00:00:02\.000 publication offset=3 message=p#3$/);
    assert.match(text, /\n {6}00:00:01\.000 publication offset=1 message=p#1\n/);
  });

  test('the truth of several clients is what they saw together; where they differ somebody is wrong', () => {
    fc.assert(
      fc.property(histories, fc.nat(), (history, pick) => {
        const others = { ...history.stream, client: 'c2', events: [...history.stream.events] };
        const [at] = publications(others.events);
        assert.deepEqual(truthFromClients(channel, [history.stream, others]).faults, []);
        if (at === undefined) return;
        others.events[at] = { ...(others.events[at] as StreamEvent), message: `forged ${pick}` } as StreamEvent;
        const { faults } = truthFromClients(channel, [history.stream, others]);
        assert.deepEqual(
          faults.map(({ kind, client }) => [kind, client]),
          [['disagreement', 'c2']],
        );
      }),
    );
  });
});
