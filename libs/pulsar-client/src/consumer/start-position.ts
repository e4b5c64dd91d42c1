import type { MessageIdParts } from '../message-id.ts';
import {
  type CommandSubscribe,
  compareMessageIds,
  earliestMessageId,
  latestMessageId,
  type MessageIdData,
} from '../wire/index.ts';

/** What SUBSCRIBE says beside ids, topic, subscription and where to start. */
export type SubscribeTerms = Omit<
  CommandSubscribe,
  'topic' | 'subscription' | 'consumerId' | 'requestId' | keyof StartPosition['command']
>;

/**
 * Of what a cluster got before the last message that came from another: a message that was on its way when the topic moved has the
 * time of when it was first sent, and clocks differ.
 */
const clusterMarginMs = 60_000;

/**
 * Where a non-durable subscription begins, and goes on from after a loss: the broker forgets its cursor with the last
 * consumer, so that this side must know.
 */
export class StartPosition {
  #id: MessageIdData;
  #inclusive: boolean;
  #newest: MessageIdParts | undefined;
  /** Nothing that was published earlier is wanted. */
  #notBeforeMs = 0;
  #rollbackSeconds: number;
  /** When the newest that came was published; 0: nothing is known to be old. */
  #lastMs = 0;
  /** On another cluster: what was published there earlier has come from this one. 0: not so. */
  #sinceMs = 0;

  /** @param rollbackSeconds the broker begins with what was published so long ago, whatever `start` says; 0: with `start` */
  constructor(start: MessageIdParts, inclusive: boolean, rollbackSeconds = 0) {
    this.#id = { ledgerId: start.ledgerId, entryId: start.entryId };
    this.#inclusive = inclusive;
    this.#rollbackSeconds = rollbackSeconds;
  }

  /** What SUBSCRIBE says of it. Once there is a position to go on from, time doesn't count. */
  get command(): Pick<CommandSubscribe, 'startMessageId' | 'startMessageRollbackDurationSec'> {
    const startMessageId = this.#data;
    const startMessageRollbackDurationSec =
      this.#sinceMs > 0 ? Math.max(1, Math.ceil((Date.now() - this.#sinceMs) / 1000)) : this.#rollbackSeconds;
    return startMessageRollbackDurationSec > 0
      ? { startMessageId, startMessageRollbackDurationSec }
      : { startMessageId };
  }

  get isLatest(): boolean {
    return this.#id.ledgerId === latestMessageId.ledgerId;
  }

  get isInclusive(): boolean {
    return this.#inclusive;
  }

  /** Whether what comes next may yet turn out to be older than the time that was sought. */
  get seeksTime(): boolean {
    return this.#notBeforeMs > 0;
  }

  /** The topic's newest message when "latest" was made a position. */
  get newest(): MessageIdParts | undefined {
    return this.#newest;
  }

  /** The position in place of "latest", now that the newest message is known: what comes after it is new, whenever it comes. */
  resolveLatest(newest: MessageIdParts): void {
    const empty = newest.entryId < 0n;
    this.#newest = empty ? undefined : newest;
    this.#lastMs = Date.now();
    this.#id = empty ? earliestMessageId : { ledgerId: newest.ledgerId, entryId: newest.entryId };
  }

  /** With a batch index the broker begins at the entry, without one after it. */
  get #data(): MessageIdData {
    return this.#inclusive && this.#id.ledgerId >= 0n && !this.isLatest ? { ...this.#id, batchIndex: 0 } : this.#id;
  }

  /** Whether an entry is yet to come; it is remembered as the last that came. */
  advance(id: MessageIdData, publishTimeMs: number): boolean {
    if (!this.isLatest && this.#id.ledgerId >= 0n) {
      const order = compareEntries(id, this.#id);
      if (order < 0 || (order === 0 && !this.#inclusive)) return false;
    }
    this.#id = { ledgerId: id.ledgerId, entryId: id.entryId };
    this.#inclusive = false;
    this.#rollbackSeconds = 0;
    this.#sinceMs = 0;
    this.#lastMs = publishTimeMs;
    if (publishTimeMs < this.#notBeforeMs) return false;
    // From here on order decides: the clock of another producer may be behind.
    this.#notBeforeMs = 0;
    return true;
  }

  /** Whether all that is wanted of the entries up to this one has come. */
  reached(id: MessageIdParts): boolean {
    const order = compareEntries(this.#id, id);
    return order > 0 || (order === 0 && !this.#inclusive);
  }

  /** The topic lives on another cluster, where ids are others: goes on with what was published there since the last that came. */
  elsewhere(): void {
    // What is said by time, or is to be the newest, holds there too.
    if (this.isLatest || this.#rollbackSeconds > 0) return;
    this.#id = earliestMessageId;
    this.#inclusive = true;
    this.#newest = undefined;
    this.#sinceMs = this.seeksTime ? 0 : Math.max(0, this.#lastMs - clusterMarginMs);
  }

  seek(id: MessageIdParts, inclusive: boolean): void {
    this.#rollbackSeconds = 0;
    this.#sinceMs = 0;
    this.#id = { ledgerId: id.ledgerId, entryId: id.entryId };
    this.#inclusive = inclusive;
    this.#notBeforeMs = 0;
  }

  seekTime(timestampMs: number): void {
    this.#rollbackSeconds = 0;
    this.#sinceMs = 0;
    this.#id = earliestMessageId;
    this.#inclusive = true;
    this.#notBeforeMs = timestampMs;
  }
}

function compareEntries(a: MessageIdParts, b: MessageIdParts): number {
  return compareMessageIds({ ledgerId: a.ledgerId, entryId: a.entryId }, { ledgerId: b.ledgerId, entryId: b.entryId });
}
