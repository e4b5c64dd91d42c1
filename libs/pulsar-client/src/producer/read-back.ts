import { withDeadline } from '@pharos/lifecycle';
import type { ClientCore } from '../client-core.ts';
import type { Entry } from '../consumer/entry-consumer.ts';
import { FlowPool } from '../consumer/flow.ts';
import { StartPosition } from '../consumer/start-position.ts';
import { initialPositions, madeUpName, subscriptionTypes } from '../consumer/subscription.ts';
import { TopicEntries } from '../consumer/topic-entries.ts';
import { MessageId, type MessageIdParts } from '../message-id.ts';
import { compareMessageIds } from '../wire/index.ts';

const maxBytes = 2 * 1024 * 1024;
const maxEntries = 1000;

/** `gone`: nothing of what was acknowledged is there (any more); `damaged`: an entry could not be read. */
export type ReadBackOutcome = 'whole' | 'gone' | 'damaged';

export interface ReadBackParts {
  readonly topic: string;
  readonly partition: number;
  /** Where entries lie that were acknowledged: what is sought was stored later. Where there are none it goes by time. */
  readonly known: readonly MessageIdParts[];
  /** Or within so many seconds, by the broker's clock. */
  readonly seconds: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly entry: (entry: Entry) => void;
  /** The end is fixed: what is stored later is not looked at. */
  readonly begun: () => void;
}

/** Reads what a topic holds, to its end. @throws PulsarError why nothing, or not all, could be read; DeadlineExceeded */
export async function readBack(core: ClientCore, parts: ReadBackParts): Promise<ReadBackOutcome> {
  const { topic, partition, known, seconds, signal } = parts;
  const start = startOf(known, seconds);
  // Ledgers are deleted as a whole: where one that was acknowledged is there, so is all behind it, and it is the right topic.
  const seen = { damaged: false, familiar: known.length === 0 };
  const entries = new TopicEntries(core, {
    topic,
    partition,
    subscription: madeUpName(),
    command: {
      subType: subscriptionTypes.Exclusive,
      consumerName: madeUpName(),
      durable: false,
      initialPosition: initialPositions.Earliest,
      metadata: [],
      readCompacted: false,
    },
    start,
    window: maxEntries,
    pool: new FlowPool({ maxMessages: maxEntries, maxBytes }),
    readable: () => undefined,
    event: () => undefined,
    divert: (entry) => {
      seen.damaged ||= entry.unreadable?.code === 'ChecksumError';
      seen.familiar ||= known.some((place) => comparePlaces(place, entry.messageId) === 0);
      parts.entry(entry);
      return true;
    },
    cleared: () => undefined,
  });
  const toTheEnd = async (): Promise<void> => {
    await entries.start();
    const end = await entries.lastMessageId();
    parts.begun();
    while (end.entryId >= 0n && !start.reached(end)) {
      if (entries.closed) throw entries.closedError();
      await entries.progress();
    }
  };
  const close = (): void => void entries.close();
  signal.addEventListener('abort', close);
  try {
    await withDeadline(toTheEnd(), core.operationTimeoutMs, `reading back from ${topic}`);
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
  if (seen.damaged) return 'damaged';
  return seen.familiar ? 'whole' : 'gone';
}

/** At the oldest that is known, itself included. */
function startOf([first, ...others]: readonly MessageIdParts[], seconds: number): StartPosition {
  if (first === undefined) return new StartPosition(MessageId.earliest(), true, seconds);
  const oldest = others.reduce((one, other) => (comparePlaces(one, other) < 0 ? one : other), first);
  return new StartPosition(oldest, true);
}

/** Of whole entries. */
function comparePlaces(a: MessageIdParts, b: MessageIdParts): number {
  return compareMessageIds({ ledgerId: a.ledgerId, entryId: a.entryId }, { ledgerId: b.ledgerId, entryId: b.entryId });
}
