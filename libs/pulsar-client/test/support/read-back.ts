import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { Client } from '../../src/client.ts';
import type { Entry, EntryConsumer } from '../../src/consumer/entry-consumer.ts';
import { MessageId } from '../../src/message-id.ts';
import { BatchCursor } from '../../src/wire/index.ts';

/** A message as it lies in a topic. */
export interface Stored {
  readonly text: string;
  readonly key: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly id: MessageId;
  /** Its own broker index; −1 where there is none. */
  readonly index: number;
  readonly producerName: string;
  readonly sequenceId: number | undefined;
}

const allComeWithinMs = 60_000;

/** Reads all that a plain topic or one partition holds at this moment. */
export async function readBack(client: Client, topic: string): Promise<Stored[]> {
  const stored: Stored[] = [];
  const done = new Deferred();
  let last: MessageId | undefined;
  const takeAll = (consumer: EntryConsumer): void => {
    for (let entry = consumer.tryReceive(); entry !== undefined; entry = consumer.tryReceive()) {
      stored.push(...messagesOf(entry));
    }
    const latest = stored.at(-1)?.id;
    if (last === undefined) return;
    const reached = latest !== undefined && latest.ledgerId === last.ledgerId && latest.entryId >= last.entryId;
    if (reached || last.entryId < 0n) done.resolve();
  };
  const consumer = await client.subscribeEntries({
    topic,
    subscription: 'read-back',
    startMessageId: MessageId.earliest(),
    startMessageIdInclusive: true,
    onReadable: takeAll,
  });
  try {
    last = await consumer.getLastMessageId();
    takeAll(consumer);
    await withDeadline(done.promise, allComeWithinMs, `reading ${topic} up to ${String(last)}`);
  } finally {
    await consumer.close();
  }
  return stored;
}

function messagesOf(entry: Entry): Stored[] {
  if (entry.unreadable !== undefined) throw entry.unreadable;
  const { ledgerId, entryId, partition } = entry.messageId;
  const { metadata, payload, count } = entry;
  const { producerName } = metadata;
  const first = entry.brokerEntry === undefined ? undefined : entry.brokerEntry.index - count + 1;
  const place = (position: number): { id: MessageId; index: number; producerName: string } => {
    const batch = entry.batch ? [position, count] : [];
    return {
      id: new MessageId(ledgerId, entryId, partition, ...batch),
      index: first === undefined ? -1 : first + position,
      producerName,
    };
  };
  if (!entry.batch) return [{ text: payload.toString(), ...headOf(metadata), ...place(0) }];
  const messages: Stored[] = [];
  const cursor = new BatchCursor();
  cursor.reset(payload, count);
  while (cursor.next()) {
    const text = payload.toString('utf8', cursor.dataStart, cursor.dataEnd);
    messages.push({ text, ...headOf(cursor.singleMessageMetadata()), ...place(cursor.index) });
  }
  return messages;
}

interface Head {
  readonly partitionKey?: string | undefined;
  readonly properties?: readonly { readonly key: string; readonly value: string }[] | undefined;
  readonly sequenceId?: number | undefined;
}

function headOf({
  partitionKey,
  properties = [],
  sequenceId,
}: Head): Pick<Stored, 'key' | 'properties' | 'sequenceId'> {
  return {
    key: partitionKey,
    properties: Object.fromEntries(properties.map(({ key, value }) => [key, value])),
    sequenceId,
  };
}
