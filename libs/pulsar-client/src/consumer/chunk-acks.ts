import type { MessageId, MessageIdParts } from '../message-id.ts';
import { compareMessageIds, type MessageIdData } from '../wire/index.ts';

/** Chunks whose places are remembered: beyond it those of the oldest message are forgotten, but for the first and the last. */
const maxChunks = 100_000;

/** Where the chunks of messages lie that were handed over and are not acknowledged yet. */
export class ChunkAcks {
  readonly #ids = new Map<string, readonly MessageId[]>();
  #chunks = 0;

  remember(ids: readonly MessageId[]): void {
    const key = keyOf(ids.at(-1) as MessageId);
    this.#forget(key);
    this.#ids.set(key, ids);
    this.#chunks += ids.length;
    for (const oldest of this.#ids.keys()) {
      if (this.#chunks <= maxChunks || oldest === key) return;
      this.#forget(oldest);
    }
  }

  /** The entries of a message; of one whose chunks are not known, those that its id names. */
  entriesOf(id: MessageIdParts): readonly MessageIdData[] {
    const known = this.#ids.size === 0 ? undefined : this.#ids.get(keyOf(id));
    if (known !== undefined) return known.map(entryOf);
    const first = id.firstChunkMessageId;
    if (first === undefined) return [entryOf(id)];
    return compareEntries(first, id) === 0 ? [entryOf(id)] : [entryOf(first), entryOf(id)];
  }

  acknowledged(id: MessageIdParts): void {
    this.#forget(keyOf(id));
  }

  acknowledgedUpTo(id: MessageIdParts): void {
    for (const [key, ids] of this.#ids) if (compareEntries(ids.at(-1) as MessageId, id) <= 0) this.#forget(key);
  }

  /** Where messages begin that end behind this one. */
  *begunBefore(id: MessageIdParts): Generator<MessageId> {
    for (const ids of this.#ids.values())
      if (compareEntries(ids.at(-1) as MessageId, id) > 0) yield ids[0] as MessageId;
  }

  #forget(key: string): void {
    const ids = this.#ids.get(key);
    if (ids === undefined) return;
    this.#ids.delete(key);
    this.#chunks -= ids.length;
  }
}

function keyOf({ ledgerId, entryId }: MessageIdParts): string {
  return `${ledgerId}:${entryId}`;
}

function entryOf({ ledgerId, entryId }: MessageIdParts): MessageIdData {
  return { ledgerId, entryId };
}

function compareEntries(a: MessageIdParts, b: MessageIdParts): number {
  return compareMessageIds(entryOf(a), entryOf(b));
}
