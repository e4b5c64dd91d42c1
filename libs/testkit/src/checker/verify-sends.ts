import type { Fault, FaultKind } from './fault.ts';
import type { ChannelTruth, SendLog, SendRecord } from './records.ts';

const around = 3;

/**
 * Holds what publishers were told against what a channel has: what was acknowledged is there once, what was refused is not, what has an
 * unknown outcome is there once for each attempt at most; and a connection's publications lie in its order.
 *
 * Of an earlier publication with an unknown outcome a later connection knows nothing: it may come late. Everything else of a
 * publisher lies in the order of its numbers.
 *
 * @param logs of all publishers of the channel: what none of them sent is strange
 */
export function verifySends(logs: readonly SendLog[], truth: ChannelTruth): Fault[] {
  const { channel } = truth;
  const places = new Map<string, number[]>();
  for (const { offset, message } of truth.entries) {
    const known = places.get(message);
    if (known === undefined) places.set(message, [offset]);
    else known.push(offset);
  }
  const faults: Fault[] = [];
  for (const log of logs) {
    if (log.channel !== channel) continue;
    verifyLog(log, places, faults);
    for (const { message } of log.sends) places.delete(message);
  }
  for (const [message, offsets] of places) {
    const seen = `'${message}' at ${offsets.join(', ')}`;
    const expected = 'what a publisher of the run sent';
    faults.push({ kind: 'strange', client: 'nobody', channel, expected, seen, count: 1, around: [] });
  }
  return faults;
}

function verifyLog(log: SendLog, places: ReadonlyMap<string, readonly number[]>, faults: Fault[]): void {
  const { publisher, channel, sends } = log;
  const fault = (kind: FaultKind, index: number, expected: string, seen: string): void => {
    const lines = sends.slice(Math.max(0, index - around), index + around + 1);
    faults.push({
      kind,
      client: publisher,
      channel,
      expected,
      seen,
      count: 1,
      around: lines.map((s) => line(s, places)),
    });
  };
  /** Where the newest lies of those that a later one must not lie before, and which one that is. */
  let newest: { readonly offset: number; readonly message: string } | undefined;
  /** The same for those with an unknown outcome of the session that is under way. */
  let newestUnknown: (typeof newest & { readonly session: number }) | undefined;
  for (const [index, send] of sends.entries()) {
    const offsets = places.get(send.message) ?? [];
    const { least, most } = allowed(send);
    const seen = offsets.length === 0 ? 'nothing in the log' : `it at ${offsets.join(', ')}`;
    const told = `'${send.message}', ${send.outcome},`;
    if (offsets.length < least) fault('lost', index, `${told} in the log`, seen);
    else if (offsets.length > most && most === 0) fault('strange', index, `${told} not in the log`, seen);
    else if (offsets.length > most) fault('duplicate', index, `${told} ${most} times at most`, seen);
    const [offset] = offsets;
    if (offset === undefined) continue;
    const before = [newest, newestUnknown?.session === send.session ? newestUnknown : undefined].find(
      (other) => other !== undefined && other.offset > offset,
    );
    if (before !== undefined) {
      fault('reordered', index, `${told} after '${before.message}' at ${before.offset}`, seen);
    }
    const { message, session } = send;
    if (send.outcome === 'acknowledged') newest = later(newest, { offset, message });
    else if (newestUnknown?.session !== session || offset > newestUnknown.offset) {
      newestUnknown = { offset, message, session };
    }
  }
}

type Place = { readonly offset: number; readonly message: string };

function later(one: Place | undefined, other: Place): Place {
  return one !== undefined && one.offset > other.offset ? one : other;
}

function allowed({ outcome, attempts = 1 }: SendRecord): { readonly least: number; readonly most: number } {
  if (outcome === 'refused') return { least: 0, most: 0 };
  return { least: outcome === 'acknowledged' ? 1 : 0, most: attempts };
}

function line({ message, session, outcome }: SendRecord, places: ReadonlyMap<string, readonly number[]>): string {
  return `'${message}' session ${session} ${outcome}, in the log at ${places.get(message)?.join(', ') ?? 'no place'}`;
}
