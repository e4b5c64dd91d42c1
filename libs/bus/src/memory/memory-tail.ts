import type { BusError } from '../errors.ts';
import type { LaneTail, TailHandler } from '../port.ts';
import type { LaneRouting } from '../routing.ts';
import type { TurnScheduler, TurnSource } from '../turns.ts';
import { MemoryLaneEntry } from './memory-entry.ts';
import type { LaneListener, MemoryLane } from './memory-lane.ts';
import type { StoredEntry } from './stored-entry.ts';

export interface MemoryTailParts {
  readonly store: MemoryLane;
  readonly routing: LaneRouting;
  readonly handler: TailHandler;
  readonly turns: TurnScheduler;
  /** Offset that the tail begins after. */
  readonly head: number;
  readonly onClose: (tail: MemoryTail) => void;
}

/** Follows one lane: what is next is a number, so that a slow tail costs nothing but the time to catch up. */
export class MemoryTail implements LaneTail, TurnSource, LaneListener {
  readonly indexed = true;
  readonly newestAtAttach: number;
  readonly #parts: MemoryTailParts;
  #head: number;
  #sequence: number;
  #view: MemoryLaneEntry | undefined;
  #open = true;
  #paused = false;
  /** Retention took entries that weren't delivered; told with the next entry, which says how many. */
  #trimmed = false;
  // Told to the handler in turns, as entries are: never inside another of its calls.
  #news: (() => void)[] = [];

  constructor(parts: MemoryTailParts) {
    this.#parts = parts;
    this.#head = parts.head;
    this.newestAtAttach = parts.store.lastOffset;
    this.#sequence = parts.store.sequenceOf(parts.head + 1);
    parts.store.listen(this);
    if (this.hasWork()) parts.turns.ready(this);
  }

  get lane(): number {
    return this.#parts.routing.lane;
  }

  get head(): number {
    return this.#head;
  }

  get position(): string {
    return this.#head === 0 ? '' : String(this.#head);
  }

  get connected(): boolean {
    return this.#open && this.#parts.store.connected && this.#parts.store.end === undefined;
  }

  changed(): void {
    if (this.#open) this.#parts.turns.ready(this);
  }

  connection(connected: boolean): void {
    this.#news.push(() => this.#parts.handler.connection?.(connected));
    this.#parts.turns.ready(this);
  }

  ended(error: BusError): void {
    this.#news.push(() => {
      this.#finish();
      this.#parts.handler.ended?.(error);
    });
    this.#parts.turns.ready(this);
  }

  hasWork(): boolean {
    if (!this.#open) return false;
    if (this.#news.length > 0) return true;
    return !this.#paused && this.#parts.store.connected && this.#sequence < this.#parts.store.endSequence;
  }

  deliver(maxBytes: number): number {
    while (this.#open && this.#news.length > 0) this.#news.shift()?.();
    let bytes = 0;
    while (bytes < maxBytes && this.#open && !this.#paused && this.#parts.store.connected) {
      const entry = this.#next();
      if (entry === undefined) break;
      this.#deliverEntry(entry);
      bytes += entry.bytes;
    }
    return bytes;
  }

  turnEnd(): void {
    if (this.#open) this.#parts.handler.turnEnd?.();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.hasWork()) this.#parts.turns.ready(this);
  }

  close(): Promise<void> {
    this.#finish();
    return Promise.resolve();
  }

  #next(): StoredEntry | undefined {
    const { store } = this.#parts;
    if (this.#sequence < store.firstSequence) {
      this.#trimmed = true;
      this.#sequence = store.firstSequence;
    }
    const entry = store.at(this.#sequence);
    if (entry === undefined) return undefined;
    const from = this.#head + 1;
    if (entry.firstOffset > from) {
      this.#head = entry.firstOffset - 1;
      this.#parts.handler.hole?.({ from, to: this.#head, kind: this.#trimmed ? 'lost' : 'broker' });
    }
    this.#trimmed = false;
    return this.#open ? entry : undefined;
  }

  #deliverEntry(entry: StoredEntry): void {
    const skip = Math.max(0, this.#head + 1 - entry.firstOffset);
    this.#view ??= new MemoryLaneEntry(this.#parts.routing, entry, skip);
    this.#sequence++;
    this.#head = entry.firstOffset + entry.count - 1;
    this.#parts.handler.entry(this.#view.set(entry, skip));
  }

  #finish(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#news = [];
    this.#parts.store.unlisten(this);
    this.#parts.onClose(this);
  }
}
