import { BusError } from '../errors.ts';
import { EntryQueue } from './entry-queue.ts';
import type { Rerouted } from './memory-rerouter.ts';
import { EntryBuilder, type NewMessage, type StoredEntry } from './stored-entry.ts';

/** What a lane keeps, and the clock that it reads. */
export interface LaneRetention {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly now: () => number;
}

/** Told of every change of a lane; never inside `append`. */
export interface LaneListener {
  /** There are new entries, or the broker is back. */
  changed(): void;
  connection(connected: boolean): void;
  /** The lane was deleted. */
  ended(error: BusError): void;
}

interface Waiting {
  readonly message: NewMessage;
  readonly resolve: (offset: number) => void;
  readonly reject: (error: BusError) => void;
  readonly deadlineAt: number;
}

// As a Pulsar producer's batches: an entry is the unit of a turn's budget, so it must stay small against it.
const maxEntryBytes = 128 * 1024;
const maxEntryMessages = 1000;

/** One lane: the entries that are kept, oldest first, and the appends of this turn, which become the next ones. */
export class MemoryLane {
  readonly #topic: string;
  readonly #retention: LaneRetention;
  readonly #listeners = new Set<LaneListener>();
  readonly #entries = new EntryQueue();
  #bytes = 0;
  #nextOffset = 1;
  #waiting: Waiting[] = [];
  #sealing = false;
  #expiry: NodeJS.Timeout | undefined;
  #expiryAt = Infinity;
  #connected = true;
  #end: BusError | undefined;
  readonly #rerouted = new Map<number, Rerouted>();

  constructor(topic: string, retention: LaneRetention) {
    this.#topic = topic;
    this.#retention = retention;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Set when the log was deleted. */
  get end(): BusError | undefined {
    return this.#end;
  }

  /** Offset of the newest message, sealed; 0 in a lane that never had one. */
  get lastOffset(): number {
    return this.#nextOffset - 1;
  }

  /** Number of the oldest entry that is kept; entries are numbered from 0 over the lane's life. */
  get firstSequence(): number {
    return this.#entries.first;
  }

  get endSequence(): number {
    return this.#entries.end;
  }

  /** The offset that the oldest kept entry begins with; the next one where none is kept. */
  get firstOffset(): number {
    return this.#entries.oldest()?.firstOffset ?? this.#nextOffset;
  }

  at(sequence: number): StoredEntry | undefined {
    return this.#entries.at(sequence);
  }

  /** Number of the oldest kept entry that has a message at or after `offset`. */
  sequenceOf(offset: number): number {
    let low = this.#entries.first;
    let high = this.#entries.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = this.#entries.at(middle) as StoredEntry;
      if (entry.firstOffset + entry.count > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The offset before the oldest kept entry of the last `maxAgeMs`; the last one where none is so young. */
  offsetBefore(maxAgeMs: number): number {
    const oldestMs = this.#retention.now() - maxAgeMs;
    for (let sequence = this.#entries.first; sequence < this.#entries.end; sequence++) {
      const entry = this.#entries.at(sequence) as StoredEntry;
      if (entry.publishTimeMs >= oldestMs) return entry.firstOffset - 1;
    }
    return this.lastOffset;
  }

  listen(listener: LaneListener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: LaneListener): void {
    this.#listeners.delete(listener);
  }

  /** Resolves with the message's offset once its entry is sealed, in a later turn. */
  append(message: NewMessage, deadlineMs: number): Promise<number> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      const deadlineAt = performance.now() + deadlineMs;
      this.#waiting.push({ message, resolve, reject, deadlineAt });
      if (this.#connected) this.#scheduleSeal();
      else this.#expireAt(deadlineAt);
    });
  }

  /** What came here from another lane. */
  reroutedFrom(lane: number): Rerouted {
    let rerouted = this.#rerouted.get(lane);
    if (rerouted === undefined) {
      rerouted = { through: 0, pending: new Map() };
      this.#rerouted.set(lane, rerouted);
    }
    return rerouted;
  }

  /** Leaves a hole of `count` offsets before the next message. */
  skipOffsets(count: number): void {
    this.#nextOffset += count;
  }

  /** Forgets every entry that is kept now. */
  trimAll(): void {
    while (this.#entries.oldest() !== undefined) this.#dropOldest();
  }

  /** Forgets what is past its age; called before anyone looks, so that what was kept is what retention says. */
  trimByAge(): void {
    const oldest = this.#retention.now() - this.#retention.maxAgeMs;
    while ((this.#entries.oldest()?.publishTimeMs ?? Infinity) < oldest) this.#dropOldest();
  }

  setConnected(connected: boolean): void {
    if (this.#connected === connected || this.#end !== undefined) return;
    this.#connected = connected;
    for (const listener of [...this.#listeners]) listener.connection(connected);
    if (this.#waiting.length === 0) return;
    if (connected) this.#scheduleSeal();
    else for (const waiting of this.#waiting) this.#expireAt(waiting.deadlineAt);
  }

  delete(): void {
    const error = new BusError('log-ended', `the log '${this.#topic}' was deleted`);
    this.#end = error;
    this.#stopExpiry();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    for (const listener of [...this.#listeners]) listener.ended(error);
    this.#listeners.clear();
    this.trimAll();
  }

  #scheduleSeal(): void {
    if (this.#sealing) return;
    this.#sealing = true;
    setImmediate(() => {
      this.#sealing = false;
      if (this.#connected && this.#end === undefined) this.#seal();
    });
  }

  #seal(): void {
    this.#stopExpiry();
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length === 0) return;
    let builder = new EntryBuilder();
    for (const { message, resolve } of batch) {
      if (builder.count >= maxEntryMessages || builder.bytes >= maxEntryBytes) {
        this.#store(builder);
        builder = new EntryBuilder();
      }
      resolve(this.#nextOffset + builder.count);
      builder.add(message);
    }
    this.#store(builder);
    for (const listener of [...this.#listeners]) listener.changed();
  }

  #store(builder: EntryBuilder): void {
    const entry = builder.seal(this.#nextOffset, this.#retention.now());
    this.#nextOffset += entry.count;
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.trimByAge();
    while (this.#bytes > this.#retention.maxBytes && this.#entries.end - this.#entries.first > 1) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#bytes -= this.#entries.shift()?.bytes ?? 0;
  }

  #expireAt(deadlineAt: number): void {
    if (deadlineAt >= this.#expiryAt) return;
    clearTimeout(this.#expiry);
    this.#expiryAt = deadlineAt;
    this.#expiry = setTimeout(() => this.#expire(), Math.max(0, deadlineAt - performance.now()));
  }

  #stopExpiry(): void {
    clearTimeout(this.#expiry);
    this.#expiryAt = Infinity;
  }

  #expire(): void {
    this.#stopExpiry();
    const now = performance.now();
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((append) => append.deadlineAt > now);
    for (const append of waiting) {
      if (append.deadlineAt > now) this.#expireAt(append.deadlineAt);
      else append.reject(deadlinePassed(this.#topic));
    }
  }
}

function deadlinePassed(topic: string): BusError {
  return new BusError('deadline', `the log '${topic}' did not answer in time; nothing was written`);
}
