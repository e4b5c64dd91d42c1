import { eventsAround, type Fault, type FaultKind } from './fault.ts';
import type {
  Disturbance,
  MemberRecord,
  PresenceAnswer,
  PresenceEvent,
  PresenceLimits,
  PresenceLog,
  PresenceRun,
} from './presence-records.ts';

const defaults: Required<PresenceLimits> = { ghostMs: 11_000, leaveMs: 32_000, settleMs: 3_000 };

/**
 * Holds joins, leaves and answers against who really was there: each join matched by one leave once the client has gone, no leave of
 * somebody who is there, no ghost in answers after a lease, and nobody missing.
 */
export function verifyPresence(run: PresenceRun, limits: PresenceLimits = {}): Fault[] {
  const all = { ...defaults, ...limits };
  const byChannel = new Map<string, Map<string, MemberRecord>>();
  for (const record of run.members) {
    const members = byChannel.get(record.channel) ?? new Map<string, MemberRecord>();
    byChannel.set(record.channel, members.set(record.member, record));
  }
  const faults: Fault[] = [];
  for (const answer of run.answers) {
    verifyAnswer(answer, byChannel.get(answer.channel) ?? new Map<string, MemberRecord>(), run, all, faults);
  }
  for (const log of run.logs) {
    const watch = new Watch(log, byChannel.get(log.channel) ?? new Map<string, MemberRecord>(), run, all);
    faults.push(...watch.verify());
  }
  return faults;
}

function verifyAnswer(
  answer: PresenceAnswer,
  members: ReadonlyMap<string, MemberRecord>,
  { disturbances = [] }: PresenceRun,
  { ghostMs, settleMs }: Required<PresenceLimits>,
  faults: Fault[],
): void {
  const { channel, requestedAtMs, answeredAtMs } = answer;
  const fault = (kind: FaultKind, member: string, expected: string, seen: string): void => {
    faults.push({ kind, client: member, channel, expected, seen, count: 1, around: [] });
  };
  const at = `in the answer to a question of ${time(requestedAtMs)}`;
  const named = new Set(answer.members);
  for (const member of named) {
    const record = members.get(member);
    if (record === undefined) fault('strange', member, 'members of the run only', at);
    else if (noticedMs(record, disturbances) + ghostMs < requestedAtMs) {
      fault('ghost', member, `nobody who has gone at ${time(record.toMs ?? 0)}`, at);
    }
  }
  for (const [member, record] of members) {
    const { fromMs, toMs } = record;
    // An edge that ends a connection takes its member out before the client has noticed: answers see it gone as early as observers of leaves do.
    const isThere = fromMs + settleMs < requestedAtMs && (toMs === undefined || toMs > answeredAtMs + settleMs);
    if (!isThere || named.has(member)) continue;
    if (disturbance(disturbances, record, requestedAtMs, answeredAtMs) !== undefined) continue;
    fault('missing', member, `somebody who is there since ${time(fromMs)}`, `not ${at}`);
  }
}

/** What one observer saw, stretch by stretch: while it was away it was told nothing. */
class Watch {
  readonly #log: PresenceLog;
  readonly #members: ReadonlyMap<string, MemberRecord>;
  readonly #run: PresenceRun;
  readonly #limits: Required<PresenceLimits>;
  readonly #faults: Fault[] = [];
  readonly #selves = new Set<string>();
  #sinceMs: number | undefined;
  #states = new Map<string, 'in' | 'out'>();

  constructor(
    log: PresenceLog,
    members: ReadonlyMap<string, MemberRecord>,
    run: PresenceRun,
    limits: Required<PresenceLimits>,
  ) {
    this.#log = log;
    this.#members = members;
    this.#run = run;
    this.#limits = limits;
  }

  verify(): Fault[] {
    const { events } = this.#log;
    for (const [index, event] of events.entries()) this.#take(event, index);
    this.#stretchEnds(this.#run.endMs, events.length - 1);
    return this.#faults;
  }

  #take(event: PresenceEvent, index: number): void {
    if (event.kind === 'blind') this.#stretchEnds(event.atMs, index);
    else if (event.kind === 'watching') {
      this.#stretchEnds(event.atMs, index);
      this.#selves.add(event.self);
      this.#sinceMs = event.atMs;
      this.#states = new Map();
    } else if (event.kind === 'join') this.#onJoin(event, index);
    else this.#onLeave(event, index);
  }

  #onJoin({ member }: { readonly member: string }, index: number): void {
    if (!this.#members.has(member)) this.#fault('strange', member, index, 'members of the run only', 'its join');
    if (this.#states.get(member) === 'in') this.#fault('double-join', member, index, 'a leave first', 'another join');
    this.#states.set(member, 'in');
  }

  #onLeave({ member, atMs }: { readonly member: string; readonly atMs: number }, index: number): void {
    const state = this.#states.get(member);
    this.#states.set(member, 'out');
    const record = this.#members.get(member);
    if (record === undefined) {
      this.#fault('strange', member, index, 'members of the run only', 'its leave');
      return;
    }
    const cameLater = record.fromMs > (this.#sinceMs ?? 0) + this.#limits.settleMs;
    if (state === 'out' || (state === undefined && cameLater)) {
      this.#fault('leave-without-join', member, index, 'a join first', 'a leave');
    }
    const { toMs } = record;
    // A leave may overtake the client's own notice of its end.
    const isThere = toMs === undefined || toMs > atMs + this.#limits.settleMs;
    const mayReap = (this.#run.disturbances ?? []).filter((one) => one.mayReap === true);
    if (isThere && disturbance(mayReap, record, atMs, atMs) === undefined) {
      this.#fault('reaped-alive', member, index, 'no leave of somebody who is there', 'its leave');
    }
  }

  /** Who came or went in the stretch must have been seen to. */
  #stretchEnds(untilMs: number, index: number): void {
    const sinceMs = this.#sinceMs;
    if (sinceMs === undefined) return;
    this.#sinceMs = undefined;
    const { leaveMs, settleMs } = this.#limits;
    const disturbances = this.#run.disturbances ?? [];
    for (const [member, record] of this.#members) {
      const { fromMs, toMs } = record;
      if (this.#selves.has(member)) continue;
      const state = this.#states.get(member);
      const endMs = toMs ?? Number.POSITIVE_INFINITY;
      const hasGone = endMs > sinceMs + settleMs && noticedMs(record, disturbances) + leaveMs < untilMs;
      // One whose edge was killed before the join was written was never there.
      const hasCome = fromMs > sinceMs + settleMs && endMs - fromMs > settleMs && fromMs + settleMs < untilMs;
      const cameInPeace = disturbance(disturbances, record, fromMs, fromMs + settleMs) === undefined;
      if (hasCome && state === undefined && cameInPeace) {
        this.#fault('join-unseen', member, index, `its join at ${time(fromMs)}`, 'nothing');
      } else if (hasGone && (state === 'in' || (state === undefined && fromMs + settleMs < sinceMs))) {
        this.#fault('join-without-leave', member, index, `its leave after ${time(endMs)}`, 'none');
      }
    }
  }

  #fault(kind: FaultKind, member: string, index: number, expected: string, seen: string): void {
    const { client, channel, events } = this.#log;
    const around = eventsAround(events, index);
    this.#faults.push({ kind, client: `${client} about ${member}`, channel, expected, seen, count: 1, around });
  }
}

/** When the end of a member could be noticed; infinity where it goes on. */
function noticedMs(record: MemberRecord, disturbances: readonly Disturbance[]): number {
  const { toMs } = record;
  if (toMs === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(toMs, disturbance(disturbances, record, toMs, toMs)?.toMs ?? 0);
}

/** What disturbed the member's presence between two moments. */
function disturbance(
  all: readonly Disturbance[],
  member: MemberRecord,
  fromMs: number,
  toMs: number,
): Disturbance | undefined {
  return all.find((one) => fromMs <= one.toMs && toMs >= one.fromMs && (one.of === undefined || one.of(member)));
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}
