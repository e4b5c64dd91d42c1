import type { PartitionMessages } from '../consumer/partition-messages.ts';
import type { StartPosition } from '../consumer/start-position.ts';
import type { MessageId, MessageIdParts } from '../message-id.ts';
import type { MessageIdData } from '../wire/index.ts';

/** How far a reader is in one topic or partition, and how far it could be. */
export class PartitionReading {
  readonly messages: PartitionMessages;
  readonly #start: StartPosition;
  /** Where it began; the broker can only begin with a whole batch, and with the first chunk. */
  #begin: MessageIdParts;
  #inclusive: boolean;
  /** The newest message when it was last asked for. */
  #newest: MessageId | undefined;
  /** Up to here the broker delivers nothing. */
  #done: MessageIdData | undefined;

  constructor(messages: PartitionMessages, begin: MessageIdParts, inclusive: boolean) {
    const { start } = messages.entries.parts;
    if (start === undefined) throw new RangeError('a reader has no durable subscription');
    this.messages = messages;
    this.#start = start;
    this.#begin = begin;
    this.#inclusive = inclusive;
    messages.beginAt(begin, inclusive);
  }

  begin(id: MessageIdParts, inclusive: boolean): void {
    this.#begin = id;
    this.#inclusive = inclusive;
  }

  /** Asks the broker how far there is something to read. @throws PulsarError */
  async ask(): Promise<void> {
    const { newest, done } = await this.messages.entries.ends();
    this.#newest = newest;
    this.#done = done;
  }

  /** Whether this message is the newest of which the broker told. */
  isNewest(id: MessageIdParts): boolean {
    return this.#newest !== undefined && compare(id, this.#newest) === 0;
  }

  /** Whether there is a message to read; `undefined`: what is on its way may be older than the time that was sought. */
  hasNext(): boolean | undefined {
    if (this.messages.hasNext()) return true;
    const newest = this.#newest;
    if (newest === undefined || newest.entryId < 0n || this.#start.reached(newest)) return false;
    if (this.#start.seeksTime) return this.#done !== undefined && compare(this.#done, newest) >= 0 ? false : undefined;
    const { batchIndex = -1, firstChunkMessageId } = this.#begin;
    const begunWithin = this.messages.position === undefined && (batchIndex >= 0 || firstChunkMessageId !== undefined);
    if (!begunWithin) return true;
    const order = compare(this.#begin, newest);
    return order < 0 || (order === 0 && this.#inclusive);
  }
}

/** Without a batch index an id stands for its whole entry. */
function compare(a: MessageIdParts, b: MessageIdParts): number {
  if (a.ledgerId !== b.ledgerId) return a.ledgerId < b.ledgerId ? -1 : 1;
  if (a.entryId !== b.entryId) return a.entryId < b.entryId ? -1 : 1;
  const [first = -1, second = -1] = [a.batchIndex, b.batchIndex];
  return first < 0 || second < 0 ? 0 : first - second;
}
