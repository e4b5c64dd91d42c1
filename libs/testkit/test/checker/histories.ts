import fc from 'fast-check';
import type { ChannelTruth, SendLog, SendRecord, StreamEvent, StreamLog } from '@pharos/testkit';

/** Correct histories, by construction: a channel with holes in its offsets, publishers, and a client that comes and goes. */
export interface History {
  readonly truth: ChannelTruth;
  readonly stream: StreamLog;
  readonly sends: readonly SendLog[];
}

export const channel = 'rooms:1';
export const epoch = 'life.1';
let atMs = 1_000;

/** How the client's subscription breaks, and how it goes on. */
type Break = 'resume' | 'told' | 'resubscribe' | 'refused' | 'none';

const breaks = fc.constantFrom<Break>('none', 'none', 'none', 'none', 'resume', 'told', 'resubscribe', 'refused');

interface Step {
  readonly gap: number;
  readonly publisher: 0 | 1;
  readonly outcome: 'acknowledged' | 'unknown';
  readonly break: Break;
  /** Publications that the client is away for. */
  readonly away: number;
}

const steps = fc.array(
  fc.record<Step>({
    gap: fc.integer({ min: 1, max: 4 }),
    publisher: fc.constantFrom<0 | 1>(0, 1),
    outcome: fc.constantFrom<Step['outcome']>('acknowledged', 'acknowledged', 'unknown'),
    break: breaks,
    away: fc.integer({ min: 0, max: 4 }),
  }),
  { minLength: 3, maxLength: 40 },
);

export const histories: fc.Arbitrary<History> = fc
  .tuple(steps, fc.integer({ min: 0, max: 2 }))
  .map(([all, skipped]) => build(all, skipped));

function build(all: readonly Step[], skipped: number): History {
  let offset = 0;
  const entries = all.map(({ gap, publisher }, index) => ({
    offset: (offset += gap),
    message: `p${publisher}#${index}`,
  }));
  const sends = ([0, 1] as const).map((publisher) => ({
    publisher: `p${publisher}`,
    channel,
    sends: all.flatMap((step, index) => (step.publisher === publisher ? [send(step, index)] : [])),
  }));
  return { truth: { channel, epoch, entries }, stream: walk(all, entries, skipped), sends };
}

function send({ outcome, publisher }: Step, index: number): SendRecord {
  return { message: `p${publisher}#${index}`, session: 1, outcome };
}

/** Subscribes after `skipped` publications and goes to the end. */
function walk(
  all: readonly Step[],
  entries: readonly { readonly offset: number; readonly message: string }[],
  skipped: number,
): StreamLog {
  const events: StreamEvent[] = [subscribed(entries[skipped - 1]?.offset ?? 0, false, false)];
  let index = skipped;
  const deliver = (): void => {
    const entry = entries[index++];
    if (entry !== undefined) events.push({ kind: 'publication', atMs: atMs++, ...entry });
  };
  while (index < entries.length) {
    const step = all[index] as Step;
    deliver();
    const upTo = Math.min(entries.length, index + step.away);
    const at = entries[upTo - 1]?.offset ?? 0;
    if (step.break === 'none') continue;
    if (step.break === 'refused') {
      events.push({ kind: 'disconnected', atMs: atMs++, code: 0 }, { kind: 'refused', atMs: atMs++, code: 112 });
      events.push(subscribed(at, false, false));
      index = upTo;
    } else if (step.break === 'resubscribe') {
      events.push({ kind: 'unsubscribed', atMs: atMs++, code: 2500 }, subscribed(at, false, false));
      index = upTo;
    } else {
      events.push({ kind: 'disconnected', atMs: atMs++, code: 0 });
      events.push(subscribed(at, true, step.break === 'resume'));
      if (step.break === 'told') index = upTo;
      else for (let left = upTo - index; left > 0; left--) deliver();
    }
  }
  return { client: 'c1', channel, events };
}

export function subscribed(offset: number, wasRecovering: boolean, recovered: boolean): StreamEvent {
  return { kind: 'subscribed', atMs: atMs++, offset, epoch, recoverable: true, wasRecovering, recovered };
}
