// Hot path of Consumer and Reader.
import { asPulsarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { MessageId, type MessageIdParts } from '../message-id.ts';
import {
  BatchCursor,
  compareMessageIds,
  earliestMessageId,
  latestMessageId,
  type MessageIdData,
} from '../wire/index.ts';
import { BatchAcks } from './batch-acks.ts';
import { ChunkAcks } from './chunk-acks.ts';
import { ChunkAssembly, type ChunkLimits, isChunk } from './chunk-assembly.ts';
import type { Entry } from './entry-consumer.ts';
import { ReceivedMessage } from './received-message.ts';
import type { TopicEntries } from './topic-entries.ts';

/** Messages up to here are not wanted, though the broker can only begin with the entry that they are in. */
interface Threshold {
  readonly id: MessageIdParts;
  readonly inclusive: boolean;
}

/** The messages of one topic or partition: takes entries apart, and puts acknowledgements together. */
export class PartitionMessages {
  readonly entries: TopicEntries;
  readonly #acks = new BatchAcks();
  readonly #batchIndexAcks: boolean;
  readonly #chunks: ChunkAssembly;
  readonly #chunkAcks = new ChunkAcks();
  readonly #cursor = new BatchCursor();
  /** The batch that is being taken apart. */
  #batch: Entry | undefined;
  /** Looked at, and the next to be handed over. */
  #peeked: ReceivedMessage | undefined;
  #threshold: Threshold | undefined;
  /** Begins with the newest message, of which the broker has yet to say which it is. */
  #newestFirst = false;
  #position: MessageIdParts | undefined;

  /** @param batchIndexAcks whether the broker is told of single messages of a batch */
  constructor(entries: TopicEntries, batchIndexAcks: boolean, chunks: ChunkLimits, logger: Logger) {
    this.entries = entries;
    this.#batchIndexAcks = batchIndexAcks;
    this.#chunks = new ChunkAssembly({
      topic: entries.parts.topic,
      limits: chunks,
      logger,
      acknowledge: (ids) => {
        for (const id of ids) this.#skip(id);
      },
    });
  }

  /** The entries that a message takes, which are several where it came in chunks. */
  entriesOf(id: MessageIdParts): readonly MessageIdData[] {
    return this.#chunkAcks.entriesOf(id);
  }

  /** The message that was last handed over. */
  get position(): MessageIdParts | undefined {
    return this.#position;
  }

  /** The messages of an entry, in no relation to those that are handed over; `undefined`: it is a part of one. */
  apart(entry: Entry): ReceivedMessage[] | undefined {
    const { topic } = this.entries.parts;
    const { messageId, batch, count, payload, unreadable } = entry;
    if (isChunk(entry.metadata)) return undefined;
    if (!batch || unreadable !== undefined)
      return [new ReceivedMessage(topic, entry, messageId, undefined, unreadable)];
    if (entry.ackSet !== undefined && this.#isDone(entry, entry.ackSet)) return [];
    const messages: ReceivedMessage[] = [];
    const cursor = new BatchCursor();
    cursor.reset(payload, count);
    try {
      while (cursor.next()) {
        const message = this.#messageAt(entry, cursor);
        if (message !== undefined) messages.push(message);
      }
    } catch (cause) {
      messages.push(this.#brokenBatch(entry, cause));
    }
    return messages;
  }

  /** Whether `next` would give one. */
  hasNext(): boolean {
    this.#peeked ??= this.#advance();
    return this.#peeked !== undefined;
  }

  beginAt(id: MessageIdParts, inclusive: boolean): void {
    const latest = id.ledgerId === latestMessageId.ledgerId;
    this.#threshold = id.ledgerId < 0n || latest ? undefined : { id, inclusive };
    this.#newestFirst = latest && inclusive;
    this.#position = undefined;
  }

  next(): ReceivedMessage | undefined {
    const message = this.#peeked ?? this.#advance();
    this.#peeked = undefined;
    if (message !== undefined) this.#position = message.getMessageId();
    return message;
  }

  /** @param told whether the entry is acknowledged with it */
  acknowledge(id: MessageIdParts, told?: (whole: boolean) => void): Promise<null> {
    const { ledgerId, entryId } = id;
    const { acks } = this.entries;
    const whole = this.#acks.acknowledge(id);
    told?.(whole);
    if (whole) {
      this.#dropRest(id);
      const chunks = this.#chunkAcks.entriesOf(id);
      if (chunks.length === 1) return acks.individual({ ledgerId, entryId });
      this.#chunkAcks.acknowledged(id);
      return Promise.all(chunks.map((chunk) => acks.individual(chunk))).then(() => null);
    }
    // Broker and client count the rest of the entry down together, or the client alone.
    return this.#batchIndexAcks ? acks.part({ ledgerId, entryId }, () => this.#acks.ackSet(id)) : Promise.resolve(null);
  }

  acknowledgeCumulative(id: MessageIdParts): Promise<null> {
    const whole = this.#acks.acknowledgeUpTo(id);
    const { ledgerId, entryId, batchIndex } = id;
    const { acks } = this.entries;
    if (whole) this.#dropRest(id);
    this.#chunkAcks.acknowledgedUpTo(id);
    const needed = this.#chunkNeededOf(id);
    if (needed !== undefined) return this.#acknowledgeBefore(needed);
    if (whole) return acks.cumulative({ ledgerId, entryId });
    if (this.#batchIndexAcks) return acks.cumulative({ ledgerId, entryId, batchIndex, ackSet: this.#acks.ackSet(id) });
    // The rest of a batch is not acknowledged yet: only what is before it can be told to the broker.
    return this.#acknowledgeBefore({ ledgerId, entryId });
  }

  /** What was read ahead is void. */
  cleared(): void {
    this.#batch = undefined;
    this.#peeked = undefined;
    this.#chunks.clear();
  }

  /** Goes to another place; to be called while its entries are held. @throws PulsarError */
  async seek(to: MessageIdParts | number, inclusive: boolean): Promise<void> {
    // Until it is done, what still comes is from the old place; when it is, nothing from the new one has come yet.
    if (typeof to === 'number') {
      await this.entries.seek({ timeMs: to });
      this.beginAt(earliestMessageId, true);
    } else {
      await this.entries.seek(entryToBeginAt(to, inclusive));
      this.beginAt(to, inclusive);
    }
  }

  /** It is at another place, and nothing has come from there yet: what was acknowledged until now says nothing there. */
  sought(): void {
    this.#acks.clear();
    this.entries.acks.settle();
  }

  #advance(): ReceivedMessage | undefined {
    for (;;) {
      const message = this.#batch === undefined ? this.#nextEntry() : this.#nextOfBatch(this.#batch);
      if (message !== undefined) return message;
      if (this.#batch === undefined && this.entries.queuedEntries === 0) return undefined;
    }
  }

  #nextEntry(): ReceivedMessage | undefined {
    const entry = this.entries.take();
    if (entry === undefined) return undefined;
    const { unreadable } = entry;
    if (unreadable === undefined && isChunk(entry.metadata)) return this.#nextChunk(entry);
    if (entry.batch && unreadable === undefined) {
      if (entry.ackSet !== undefined && this.#isDone(entry, entry.ackSet)) return undefined;
      this.#batch = entry;
      this.#cursor.reset(entry.payload, entry.count);
      return undefined;
    }
    if (!this.#wanted(entry.messageId)) return undefined;
    return new ReceivedMessage(this.entries.parts.topic, entry, entry.messageId, undefined, unreadable);
  }

  #nextChunk(entry: Entry): ReceivedMessage | undefined {
    const chunked = this.#chunks.add(entry);
    if (chunked === 'waits') return undefined;
    if (chunked === 'orphan') {
      // Of a message that nobody wants, or whose beginning will not come again.
      const passed = this.#threshold !== undefined && compareToThreshold(entry.messageId, this.#threshold.id) <= 0;
      if (passed || this.#chunks.isExpired(entry)) this.#skip(entry.messageId);
      return undefined;
    }
    const { messageId, unreadable } = chunked.entry;
    if (this.entries.parts.start === undefined) this.#chunkAcks.remember(chunked.ids);
    if (!this.#wanted(messageId)) return undefined;
    return new ReceivedMessage(this.entries.parts.topic, chunked.entry, messageId, undefined, unreadable);
  }

  /** The first chunk, up to this message, of one that ends behind it: acknowledged with the rest it would be lost. */
  #chunkNeededOf(id: MessageIdParts): MessageId | undefined {
    let needed: MessageId | undefined;
    for (const first of [...this.#chunks.waiting(), ...this.#chunkAcks.begunBefore(id)]) {
      if (first.compare(needed ?? entryAfter(id)) < 0) needed = first;
    }
    return needed;
  }

  #acknowledgeBefore({ ledgerId, entryId }: MessageIdParts): Promise<null> {
    return entryId === 0n ? Promise.resolve(null) : this.entries.acks.cumulative({ ledgerId, entryId: entryId - 1n });
  }

  /** An entry that came again and was then acknowledged as a whole may still be taken apart: nobody wants the rest of it. */
  #dropRest({ ledgerId, entryId }: MessageIdParts): void {
    const isOf = (id: MessageId | undefined): boolean => id?.entryId === entryId && id.ledgerId === ledgerId;
    if (isOf(this.#batch?.messageId)) this.#batch = undefined;
    if (isOf(this.#peeked?.getMessageId())) this.#peeked = undefined;
  }

  /** Whether all of a batch is acknowledged that the broker believes to be so in part. */
  #isDone({ messageId, count }: Entry, ackSet: readonly bigint[]): boolean {
    if (!this.#acks.known(messageId, count, ackSet)) return false;
    const { ledgerId, entryId } = messageId;
    this.entries.acks.individual({ ledgerId, entryId }).catch(() => undefined);
    return true;
  }

  #nextOfBatch(entry: Entry): ReceivedMessage | undefined {
    const cursor = this.#cursor;
    try {
      if (!cursor.next()) {
        this.#batch = undefined;
        return undefined;
      }
    } catch (cause) {
      this.#batch = undefined;
      return this.#brokenBatch(entry, cause);
    }
    if (cursor.index === entry.count - 1) this.#batch = undefined;
    return this.#messageAt(entry, cursor);
  }

  /** The message of a batch that a cursor is at, where it is wanted. */
  #messageAt(entry: Entry, cursor: BatchCursor): ReceivedMessage | undefined {
    const { ledgerId, entryId, partition } = entry.messageId;
    const id = new MessageId(ledgerId, entryId, partition, cursor.index, entry.count);
    if (this.#acks.has(id)) return undefined;
    if (cursor.compactedOut) {
      this.#skip(id);
      return undefined;
    }
    if (!this.#wanted(id)) return undefined;
    const { metadataStart, metadataEnd, dataStart, dataEnd } = cursor;
    const place = { metadataStart, metadataEnd, dataStart, dataEnd };
    return new ReceivedMessage(this.entries.parts.topic, entry, id, place);
  }

  #brokenBatch(entry: Entry, cause: unknown): ReceivedMessage {
    const { topic } = this.entries.parts;
    const unreadable = asPulsarError(cause, 'InvalidMessage', `batch ${entry.messageId.toString()} of ${topic}`);
    return new ReceivedMessage(topic, entry, entry.messageId, undefined, unreadable);
  }

  #wanted(id: MessageId): boolean {
    const newest = this.#newestFirst ? this.entries.parts.start?.newest : undefined;
    this.#newestFirst = false;
    if (newest !== undefined) this.#threshold = { id: newest, inclusive: true };
    if (this.#threshold === undefined) return true;
    const order = compareToThreshold(id, this.#threshold.id);
    if (order > 0 || (order === 0 && this.#threshold.inclusive)) {
      this.#threshold = undefined;
      return true;
    }
    this.#skip(id);
    return false;
  }

  /** Nobody will acknowledge what nobody gets. */
  #skip(id: MessageId): void {
    if (this.entries.parts.start === undefined) this.acknowledge(id).catch(() => undefined);
  }
}

/** Without a batch index the threshold is a whole entry. */
function compareToThreshold(id: MessageId, threshold: MessageIdParts): number {
  const batchIndex = threshold.batchIndex ?? -1;
  return compareMessageIds(
    { ledgerId: id.ledgerId, entryId: id.entryId, batchIndex: batchIndex < 0 ? -1 : id.batchIndex },
    { ledgerId: threshold.ledgerId, entryId: threshold.entryId, batchIndex },
  );
}

/** The broker begins with whole entries, and a message in chunks with the first of them. */
export function entryToBeginAt(
  id: MessageIdParts,
  inclusive: boolean,
): { readonly id: MessageIdParts; readonly inclusive: boolean } {
  const first = id.firstChunkMessageId;
  // Others may have begun between its chunks: so with its first one, though it is not wanted itself.
  return { id: first ?? id, inclusive: inclusive || first !== undefined || (id.batchIndex ?? -1) >= 0 };
}

function entryAfter({ ledgerId, entryId, partition }: MessageIdParts): MessageIdParts {
  return { ledgerId, entryId: entryId + 1n, partition };
}
