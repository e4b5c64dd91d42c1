// Hot path: every entry that is published waits here for its receipt.
import type { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';
import { refusesEntry } from './outcome.ts';
import type { Outcomes } from './outcomes.ts';

/** An entry on its way: its frame, which never changes, and who waits for it. */
export interface PendingEntry {
  readonly frame: Buffer;
  /** Of the first message, or of the last in a batch by key: what the broker calls the entry that it has stored. */
  readonly sequenceId: number;
  /** Of the last message: what the broker calls the entry that it refuses. */
  readonly lastSequenceId: number;
  /** The application chose its sequence id. */
  readonly ownSequenceId: boolean;
  readonly outcomes: Outcomes;
  /** When the first message was handed over, on the clock of `performance.now()`. */
  readonly sentAt: number;
  /** How many connections it was on. Once it was on one, nobody but the broker knows whether it arrived. */
  writes: number;
  /** How many of these stored nothing, as the broker knows. */
  lostWrites: number;
  /** How often the broker found it damaged. */
  damaged: number;
  /** Why the broker won't take it as it was written to this connection. */
  refusal: PulsarError | undefined;
}

/**
 * Whether a broker that calls it a duplicate must have misread its id, or that of one before it.
 *
 * @param chosen the application chose where the ids begin, so that they may be old ones
 */
export function isNoDuplicate({ damaged, writes, lostWrites, ownSequenceId }: PendingEntry, chosen: boolean): boolean {
  return damaged > 0 || (writes - lostWrites === 1 && !ownSequenceId && !chosen);
}

/** The oldest entry, where the broker refuses it. */
export interface Refused {
  readonly error: PulsarError;
  /** Writing it again can't help. */
  readonly hopeless: boolean;
  /** It may have been stored from an earlier connection, which never answered. */
  readonly outcomeUnknown: boolean;
}

/** How often the broker may find an entry damaged before it is taken to be so here. */
const maxDamaged = 3;

interface Flush {
  readonly last: PendingEntry;
  readonly resolve: (outcome: null | Promise<never>) => void;
  error: PulsarError | undefined;
}

/** The entries of one producer that have no receipt yet, in order: first what is written to this connection, then the rest. */
export class Pending {
  readonly #written = new Fifo<PendingEntry>();
  #unwritten = new Fifo<PendingEntry>();
  #flushes: Flush[] = [];

  get size(): number {
    return this.#written.size + this.#unwritten.size;
  }

  /** The oldest. */
  peek(): PendingEntry | undefined {
    return this.#written.peek() ?? this.#unwritten.peek();
  }

  /** The oldest of those that are written. */
  peekWritten(): PendingEntry | undefined {
    return this.#written.peek();
  }

  /**
   * Whether a damaged entry can't be mended by writing it again. Where others were written after it they are stored by now:
   * under its old sequence id it would come too late, and a broker that removes duplicates would drop it with a receipt.
   */
  #isBeyondRepair(entry: PendingEntry): boolean {
    return entry.damaged >= maxDamaged || this.#written.size > 1;
  }

  /** Notes that the broker refuses an entry. It may say so before it has stored those ahead, which are settled first. */
  refuse(lastSequenceId: number, error: PulsarError): void {
    for (const entry of this.#written) {
      if (entry.lastSequenceId !== lastSequenceId) continue;
      if (error.code === 'ChecksumError') entry.damaged++;
      entry.refusal = error;
      return;
    }
  }

  /** Says once of the oldest entry that it is refused. */
  takeRefused(): Refused | undefined {
    const entry = this.#written.peek();
    const error = entry?.refusal;
    if (entry === undefined || error === undefined) return undefined;
    entry.refusal = undefined;
    const damaged = error.code === 'ChecksumError';
    const refusals = damaged ? entry.damaged : entry.damaged + 1;
    return {
      error,
      hopeless: damaged ? this.#isBeyondRepair(entry) : refusesEntry(error),
      outcomeUnknown: entry.writes > refusals,
    };
  }

  add(entry: PendingEntry): void {
    this.#unwritten.push(entry);
  }

  /** The next to write, which then counts as written. */
  nextToWrite(): PendingEntry | undefined {
    const entry = this.#unwritten.shift();
    if (entry === undefined) return undefined;
    entry.writes++;
    this.#written.push(entry);
    return entry;
  }

  /** The connection is another one: all is to be written again, in order. */
  rewind(): void {
    if (this.#written.size === 0) return;
    const all = new Fifo<PendingEntry>();
    for (const entry of this.#written.drain()) {
      entry.refusal = undefined;
      all.push(entry);
    }
    for (const entry of this.#unwritten.drain()) all.push(entry);
    this.#unwritten = all;
  }

  /**
   * The broker knows a later id than any that was given: entries may have arrived as something else. Where it takes them for
   * duplicates from now on, that is no receipt; unless they were on an earlier connection, which may have stored them.
   */
  doubt(): void {
    for (const entries of [this.#written, this.#unwritten]) {
      for (const entry of entries) {
        if (entry.writes - entry.lostWrites < 2 && !entry.ownSequenceId) entry.damaged++;
      }
    }
  }

  /** The newest id that a broker that removes duplicates has seen: what comes after it was not stored by any connection before. */
  notSeenAfter(sequenceId: number): void {
    for (const entries of [this.#written, this.#unwritten]) {
      for (const entry of entries) if (entry.sequenceId > sequenceId) entry.lostWrites = entry.writes;
    }
  }

  /** Takes the oldest out, whose fate is known. Once its messages are told, `settled` is to be called. */
  take(): PendingEntry | undefined {
    return this.#written.shift() ?? this.#unwritten.shift();
  }

  /** Tells whoever waits for an entry that was taken out, after its messages: `error`, or that it was acknowledged. */
  settled(entry: PendingEntry, error: PulsarError | undefined): void {
    if (this.#flushes.length === 0) return;
    for (const flush of this.#flushes) {
      flush.error ??= error;
      // As messages are: a promise that is simply rejected is heard of earlier than they are.
      if (flush.last === entry) flush.resolve(flush.error === undefined ? null : Promise.reject(flush.error));
    }
    this.#flushes = this.#flushes.filter((flush) => flush.last !== entry);
  }

  /** Resolves when all that is there now is settled, and its messages are told; rejects with the error of the first that failed. */
  flush(): Promise<null> {
    const last = this.#last();
    if (last === undefined) return Promise.resolve(null);
    return new Promise((resolve) => this.#flushes.push({ last, resolve, error: undefined }));
  }

  #last(): PendingEntry | undefined {
    let last: PendingEntry | undefined;
    for (const entry of this.#unwritten) last = entry;
    if (last === undefined) for (const entry of this.#written) last = entry;
    return last;
  }
}
