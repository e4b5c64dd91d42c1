/** What the promise was broken by. */
export type FaultKind =
  /** A publication never came, and nothing told that it would not. */
  | 'lost'
  /** It came again. */
  | 'duplicate'
  /** It came after a later one. */
  | 'reordered'
  /** What came is not what the log has at that offset. */
  | 'wrong-data'
  /** The log has nothing there, or nobody sent it. */
  | 'strange'
  /** Something came without a subscription. */
  | 'stray'
  /** A resume was answered with a position before the client's own. */
  | 'went-back'
  /** The epoch changed, though the log is the same. */
  | 'wrong-epoch'
  /** Two clients were given different things at one offset. */
  | 'disagreement'
  /** At the end of the run the client is not subscribed, though it wants to be. */
  | 'away'
  /** Presence answers with somebody who has gone. */
  | 'ghost'
  /** Presence leaves out somebody who is there. */
  | 'missing'
  /** A join that no leave followed, though the client has gone. */
  | 'join-without-leave'
  /** A leave of somebody who had not joined, or had left. */
  | 'leave-without-join'
  /** A second join without a leave between. */
  | 'double-join'
  /** A leave of somebody who is there, and no reason to think otherwise. */
  | 'reaped-alive'
  /** Nobody was told that a client came. */
  | 'join-unseen';

/** One broken promise, with all that is needed to look for its cause. */
export interface Fault {
  readonly kind: FaultKind;
  /** The client that saw it, or the publisher whose publication it is about. */
  readonly client: string;
  readonly channel: string;
  readonly expected: string;
  readonly seen: string;
  /** How many publications it is about. */
  readonly count: number;
  /** What the client saw before and after, one line each; the line of the fault begins with `>`. */
  readonly around: readonly string[];
}

const eventsBefore = 6;
const eventsAfter = 4;

/** The events around number `at`, in words. */
export function eventsAround(
  events: readonly { readonly kind: string; readonly atMs: number }[],
  at: number,
): string[] {
  const from = Math.max(0, at - eventsBefore);
  return events.slice(from, at + eventsAfter + 1).map((event, index) => {
    const { kind, atMs, ...rest } = event;
    const details = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
    const mark = from + index === at ? '>' : ' ';
    return [mark, new Date(atMs).toISOString().slice(11, 23), kind, ...details].join(' ');
  });
}

/** A fault in lines, for a failing test. */
export function describeFault({ kind, client, channel, expected, seen, count, around }: Fault): string {
  const many = count > 1 ? ` (${count} publications)` : '';
  const head = `${kind}: ${client} in '${channel}'${many}: expected ${expected}, seen ${seen}`;
  return [head, ...around.map((line) => `    ${line}`)].join('\n');
}

/** The first faults in full and how many there are of each kind; empty where there is none. */
export function describeFaults(faults: readonly Fault[], inFull = 5): string {
  if (faults.length === 0) return '';
  const counts = new Map<string, number>();
  for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
  return [`${faults.length} faults: ${kinds}`, ...faults.slice(0, inFull).map(describeFault)].join('\n');
}
