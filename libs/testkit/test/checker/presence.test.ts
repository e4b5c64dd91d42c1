import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  describeFaults,
  type Disturbance,
  type FaultKind,
  type MemberRecord,
  type PresenceEvent,
  type PresenceRun,
  verifyPresence,
} from '@pharos/testkit';

const channel = 'rooms:1';
const endMs = 1_000_000;

interface Life {
  readonly fromMs: number;
  readonly staysMs: number;
  /** From the end of the connection to its leave. */
  readonly lagMs: number;
}

/** Members that come and go, each long enough to be noticed, and an observer that watches all the time but for a while. */
const lives = fc.array(
  fc.record<Life>({
    fromMs: fc.integer({ min: 20_000, max: 900_000 }),
    staysMs: fc.integer({ min: 5_000, max: 500_000 }),
    lagMs: fc.integer({ min: 0, max: 25_000 }),
  }),
  { minLength: 1, maxLength: 12 },
);

function run(all: readonly Life[], blindAtMs: number | undefined): PresenceRun {
  const members: MemberRecord[] = all.map(({ fromMs, staysMs }, index) => ({
    member: `m${index}`,
    channel,
    fromMs,
    toMs: fromMs + staysMs < endMs - 40_000 ? fromMs + staysMs : undefined,
  }));
  const seen: PresenceEvent[] = members.flatMap(({ member, fromMs, toMs }, index) => [
    { kind: 'join', atMs: fromMs + 10, member },
    ...(toMs === undefined
      ? []
      : [{ kind: 'leave', atMs: toMs + (all[index] as Life).lagMs, member } satisfies PresenceEvent]),
  ]);
  seen.push({ kind: 'watching', atMs: 0, self: 'me' });
  if (blindAtMs !== undefined) {
    seen.push({ kind: 'blind', atMs: blindAtMs }, { kind: 'watching', atMs: blindAtMs + 5_000, self: 'me again' });
  }
  const isBlind = (atMs: number): boolean => blindAtMs !== undefined && atMs >= blindAtMs && atMs <= blindAtMs + 5_000;
  const events = seen
    .filter(({ kind, atMs }) => kind === 'watching' || kind === 'blind' || !isBlind(atMs))
    .sort((one, other) => one.atMs - other.atMs);
  const at = [100_000, 500_000, 999_000];
  const answers = at.map((ms) => ({
    channel,
    requestedAtMs: ms,
    answeredAtMs: ms + 5,
    members: members
      .filter(({ fromMs, toMs }) => fromMs < ms && (toMs === undefined || toMs > ms))
      .map(({ member }) => member),
  }));
  return { members, logs: [{ client: 'observer', channel, events }], answers, endMs };
}

const runs = fc.tuple(lives, fc.option(fc.integer({ min: 50_000, max: 800_000 }), { nil: undefined }));

function kinds(of: PresenceRun): FaultKind[] {
  return verifyPresence(of).map(({ kind }) => kind);
}

/** Changes what the observer saw at an event of `kind`; the verifier must say so. */
function findsEach(
  kind: 'join' | 'leave',
  mutate: (events: PresenceEvent[], at: number) => void,
  expected: readonly FaultKind[],
): void {
  let broken = 0;
  fc.assert(
    fc.property(lives, fc.nat(), (all, pick) => {
      const correct = run(all, undefined);
      const events = [...(correct.logs[0]?.events ?? [])];
      const places = events.flatMap((event, index) => (event.kind === kind ? [index] : []));
      if (places.length === 0) return;
      mutate(events, places[pick % places.length] as number);
      broken++;
      const found = kinds({ ...correct, logs: [{ client: 'observer', channel, events }] });
      assert.ok(
        expected.every((one) => found.includes(one)),
        `${expected.join(', ')} not in ${found.join(', ') || 'nothing'}`,
      );
    }),
    { numRuns: 300 },
  );
  assert.ok(broken > 100);
}

describe('the checker of presence', () => {
  test('finds nothing in correct histories, also where the observer was away', () => {
    fc.assert(
      fc.property(runs, ([all, blindAtMs]) => assert.equal(describeFaults(verifyPresence(run(all, blindAtMs))), '')),
      { numRuns: 1_000 },
    );
  });

  test('finds each leave that is missing, comes twice, or comes of somebody who is there', () => {
    findsEach('leave', (events, at) => events.splice(at, 1), ['join-without-leave']);
    findsEach('leave', (events, at) => events.splice(at, 0, events[at] as PresenceEvent), ['leave-without-join']);
    findsEach(
      'join',
      (events, at) => {
        const { member, atMs } = events[at] as Extract<PresenceEvent, { kind: 'join' }>;
        events.splice(at + 1, 0, { kind: 'leave', member, atMs });
      },
      ['reaped-alive'],
    );
  });

  test('finds each join that is missing or comes twice', () => {
    findsEach('join', (events, at) => events.splice(at, 1), []);
    findsEach('join', (events, at) => events.splice(at, 0, events[at] as PresenceEvent), ['double-join']);
    const correct = run([{ fromMs: 30_000, staysMs: 1e9, lagMs: 0 }], undefined);
    const events = correct.logs[0]?.events.filter(({ kind }) => kind !== 'join') ?? [];
    assert.deepEqual(kinds({ ...correct, logs: [{ client: 'o', channel, events }] }), ['join-unseen']);
  });

  test('finds ghosts, strangers and who is missing in each answer', () => {
    fc.assert(
      fc.property(runs, fc.nat(), ([all, blindAtMs], pick) => {
        const correct = run(all, blindAtMs);
        for (const [index, answer] of correct.answers.entries()) {
          const replace = (members: readonly string[]): FaultKind[] =>
            kinds({ ...correct, answers: correct.answers.with(index, { ...answer, members }) });
          assert.deepEqual(replace([...answer.members, 'nobody']), ['strange']);
          const gone = correct.members.find(({ toMs }) => toMs !== undefined && toMs + 11_000 < answer.requestedAtMs);
          if (gone !== undefined) assert.deepEqual(replace([...answer.members, gone.member]), ['ghost']);
          const settled = correct.members
            .filter(({ fromMs, toMs }) => {
              const stays = toMs === undefined || toMs > answer.answeredAtMs + 3_000;
              return stays && fromMs + 3_000 < answer.requestedAtMs;
            })
            .map(({ member }) => member);
          if (settled.length === 0) continue;
          const left = settled[pick % settled.length] as string;
          assert.deepEqual(replace(answer.members.filter((member) => member !== left)), ['missing']);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('who was taken out before its client heard of the end is not missing, as long as that is soon', () => {
    const missing = (noticedMs: number): FaultKind[] => {
      const member = { member: 'm', channel, fromMs: 10_000, toMs: 50_010 + noticedMs };
      const answers = [{ channel, requestedAtMs: 50_000, answeredAtMs: 50_010, members: [] }];
      return kinds({ members: [member], logs: [], answers, endMs });
    };
    assert.deepEqual([missing(1), missing(3_000), missing(3_001)], [[], [], ['missing']]);
  });

  test('a disturbance excuses what it can explain, and nothing else', () => {
    const member = { member: 'm', channel, fromMs: 10_000, toMs: undefined };
    const events: PresenceEvent[] = [
      { kind: 'watching', atMs: 0, self: 'me' },
      { kind: 'join', atMs: 10_000, member: 'm' },
      { kind: 'leave', atMs: 60_000, member: 'm' },
      { kind: 'join', atMs: 70_000, member: 'm' },
    ];
    const frozen: PresenceRun = {
      members: [member],
      logs: [{ client: 'observer', channel, events }],
      answers: [{ channel, requestedAtMs: 65_000, answeredAtMs: 65_010, members: [] }],
      endMs,
    };
    assert.deepEqual(kinds(frozen), ['missing', 'reaped-alive']);
    const disturbed = (rest: Pick<Disturbance, 'of' | 'mayReap'>): FaultKind[] =>
      kinds({ ...frozen, disturbances: [{ fromMs: 50_000, toMs: 70_000, ...rest }] });
    assert.deepEqual(disturbed({ mayReap: true }), []);
    // The store was away: nobody can tell who is there, and nobody may be taken for dead.
    assert.deepEqual(disturbed({}), ['reaped-alive']);
    assert.deepEqual(disturbed({ mayReap: true, of: ({ node }) => node === 'another' }), ['missing', 'reaped-alive']);
  });

  test('who goes in a disturbance is gone when it is over', () => {
    const member = { member: 'm', channel, fromMs: 10_000, toMs: 100_000 };
    const events: PresenceEvent[] = [
      { kind: 'watching', atMs: 0, self: 'me' },
      { kind: 'join', atMs: 10_000, member: 'm' },
      { kind: 'leave', atMs: 205_000, member: 'm' },
    ];
    const answers = [{ channel, requestedAtMs: 204_000, answeredAtMs: 204_001, members: ['m'] }];
    const late: PresenceRun = { members: [member], logs: [{ client: 'o', channel, events }], answers, endMs };
    assert.deepEqual(kinds(late), ['ghost']);
    assert.deepEqual(kinds({ ...late, disturbances: [{ fromMs: 90_000, toMs: 200_000 }] }), []);
    const prompt = {
      ...late,
      logs: [{ client: 'o', channel, events: events.with(2, { kind: 'leave', atMs: 100_001, member: 'm' }) }],
    };
    assert.deepEqual(kinds({ ...prompt, answers: [], disturbances: [{ fromMs: 90_000, toMs: 200_000 }] }), []);
    const ghost = { ...late, answers: [{ channel, requestedAtMs: 220_000, answeredAtMs: 220_001, members: ['m'] }] };
    assert.deepEqual(kinds({ ...ghost, disturbances: [{ fromMs: 90_000, toMs: 200_000 }] }), ['ghost']);
  });
});
