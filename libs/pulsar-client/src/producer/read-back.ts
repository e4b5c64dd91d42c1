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

export interface ReadBackParts {
  readonly topic: string;
  readonly partition: number;
  /** What is sought was stored later. `undefined`: not known, it goes by time. */
  readonly after: MessageIdParts | undefined;
  /** Or within so many seconds, by the broker's clock. */
  readonly seconds: number;
  readonly entry: (entry: Entry) => void;
  /** The end is fixed: what is stored later is not looked at. */
  readonly begun: () => void;
}

/**
 * Reads what a topic holds, to its end. False where that can't be said: an entry was damaged, or it was another topic that answered.
 *
 * @throws PulsarError why nothing, or not all, could be read; DeadlineExceeded
 */
export async function readBack(core: ClientCore, parts: ReadBackParts): Promise<boolean> {
  const { topic, partition, after, seconds } = parts;
  const start =
    after === undefined ? new StartPosition(MessageId.earliest(), true, seconds) : new StartPosition(after, false);
  const seen = { whole: true };
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
      if (entry.unreadable?.code === 'ChecksumError') seen.whole = false;
      parts.entry(entry);
      return true;
    },
    cleared: () => undefined,
  });
  const toTheEnd = async (): Promise<void> => {
    await entries.start();
    const end = await entries.lastMessageId();
    parts.begun();
    // A topic that has less than was acknowledged is another one.
    if (after !== undefined && comparePlaces(end, after) < 0) seen.whole = false;
    while (seen.whole && end.entryId >= 0n && !start.reached(end) && !entries.closed) await entries.progress();
  };
  try {
    await withDeadline(toTheEnd(), core.operationTimeoutMs, `reading back from ${topic}`);
  } finally {
    await entries.close();
  }
  return seen.whole;
}

/** Of whole entries. */
function comparePlaces(a: MessageIdParts, b: MessageIdParts): number {
  return compareMessageIds({ ledgerId: a.ledgerId, entryId: a.entryId }, { ledgerId: b.ledgerId, entryId: b.entryId });
}
