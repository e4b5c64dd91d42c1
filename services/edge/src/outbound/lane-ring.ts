// Hot path: every entry of a recoverable lane goes in, and every resume walks what is there.
import {
  historyRemoveMarker,
  type LaneEntry,
  markerProperty,
  type PublicationCursor,
  skipHistoryProperty,
} from '@pharos/bus';

import type { BudgetedRing, RingBudget } from './ring-budget.ts';

export interface RingLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** The channel that somebody resumes; its name is compared with message keys in place. */
export interface RingChannel {
  readonly name: string;
  readonly key: Buffer;
  readonly keyHash: number;
}

/** Each returns false where it has seen enough. */
export interface RingVisitor {
  publication(cursor: PublicationCursor, entry: LaneEntry): boolean;
  /** What the channel had up to this offset was removed. */
  removal?(offset: number): boolean;
}

interface Slot {
  readonly entry: LaneEntry;
  /** Key hash of each publication. */
  readonly hashes: Int32Array;
  readonly bytes: number;
  readonly cameMs: number;
}

// Slot, view and array objects, near enough.
const slotOverheadBytes = 256;
/** Dropped slots stay in the array until there are so many: to move the rest at each drop would cost more. */
const compactAt = 1024;

/**
 * The newest entries of one lane, whole, from which any channel of the lane is resumed without asking anybody. Holds
 * everything from an offset on, without a gap: whatever breaks the sequence empties it.
 */
export class LaneRing implements BudgetedRing {
  readonly #limits: RingLimits;
  readonly #budget: RingBudget;
  #slots: (Slot | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #begin: number | undefined;

  constructor(limits: RingLimits, budget: RingBudget) {
    this.#limits = limits;
    this.#budget = budget;
    budget.add(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldestMs(): number | undefined {
    return this.#slots[this.#first]?.cameMs;
  }

  /** All offsets after this one are here; `undefined` while nothing is known of the lane. */
  get beginsAfter(): number | undefined {
    return this.#begin;
  }

  /** Whether everything after `offset` that this edge has handed on is here. */
  reaches(offset: number): boolean {
    return this.#begin !== undefined && this.#begin <= offset;
  }

  /** Empty, and complete from `offset` on. */
  restart(offset: number): void {
    this.forget();
    this.#begin = offset;
  }

  /** The lane begins at this offset where entries have not told it already. */
  begin(offset: number): void {
    if (this.#begin === undefined) this.#begin = offset;
  }

  /** Empty, and good for nothing until the lane begins again. */
  forget(): void {
    this.#budget.release(this.#bytes);
    this.#slots = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#begin = undefined;
  }

  close(): void {
    this.forget();
    this.#budget.remove(this);
  }

  /** @param hashes of the entry's publications; copied */
  add(entry: LaneEntry, hashes: Int32Array, nowMs: number): void {
    this.begin(entry.firstOffset - 1);
    const kept = entry.retain();
    const bytes = kept.bytes + hashes.byteLength + slotOverheadBytes;
    this.#slots.push({ entry: kept, hashes: hashes.slice(), bytes, cameMs: nowMs });
    this.#bytes += bytes;
    this.expire(nowMs);
    while (this.#bytes > this.#limits.maxBytes) this.dropOldest();
    // Other rings' entries may be older than this ring's.
    this.#budget.take(bytes);
  }

  /** Drops what is too old: of a lane that is silent too. */
  expire(nowMs: number): void {
    const oldest = nowMs - this.#limits.maxAgeMs;
    while ((this.oldestMs ?? Infinity) < oldest) this.dropOldest();
  }

  dropOldest(): void {
    const slot = this.#slots[this.#first];
    if (slot === undefined) return;
    this.#slots[this.#first++] = undefined;
    this.#bytes -= slot.bytes;
    this.#budget.release(slot.bytes);
    this.#begin = slot.entry.firstOffset + slot.entry.count - 1;
    if (this.#first >= compactAt && this.#first * 2 >= this.#slots.length) {
      this.#slots = this.#slots.slice(this.#first);
      this.#first = 0;
    }
  }

  /**
   * Walks what is kept of the channel after `offset`, oldest first, until the visitor returns false; says whether it went to
   * the end. The cursor is the visitor's until it returns.
   */
  walk(channel: RingChannel, offset: number, visitor: RingVisitor): boolean {
    const { keyHash } = channel;
    for (let at = this.#firstAfter(offset); at < this.#slots.length; at++) {
      const slot = this.#slots[at] as Slot;
      if (!slot.hashes.includes(keyHash)) continue;
      const cursor = slot.entry.publications();
      for (let index = 0; cursor.next(); index++) {
        if (slot.hashes[index] !== keyHash || cursor.offset <= offset || !isOf(channel, cursor)) continue;
        const kind = kindOf(cursor);
        if (kind === 'publication' && !visitor.publication(cursor, slot.entry)) return false;
        if (kind === 'removal' && visitor.removal?.(cursor.offset) === false) return false;
      }
    }
    return true;
  }

  /** Index of the first slot that has an offset after this one. */
  #firstAfter(offset: number): number {
    let low = this.#first;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { entry } = this.#slots[middle] as Slot;
      if (entry.firstOffset + entry.count - 1 > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isOf(channel: RingChannel, cursor: PublicationCursor): boolean {
  if (cursor.keyStart < 0) {
    if (cursor.channel() !== channel.name) return false;
  } else {
    const { key } = channel;
    if (cursor.keyEnd - cursor.keyStart !== key.length) return false;
    if (key.compare(cursor.buffer, cursor.keyStart, cursor.keyEnd) !== 0) return false;
  }
  return cursor.routed();
}

/** What a message of a channel means for its history. */
function kindOf(cursor: PublicationCursor): 'publication' | 'removal' | 'none' {
  if (!cursor.hasProperties) return 'publication';
  const properties = cursor.properties();
  const marker = properties.get(markerProperty);
  if (marker !== undefined) return marker === historyRemoveMarker ? 'removal' : 'none';
  return properties.has(skipHistoryProperty) ? 'none' : 'publication';
}
