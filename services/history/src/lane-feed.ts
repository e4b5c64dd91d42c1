import type { Hole, LaneEntry, LaneTail, TailHandler } from '@pharos/bus';
import { Deferred } from '@pharos/lifecycle';

export interface FedEntry {
  readonly entry: LaneEntry;
  /** Everything up to this offset was lost before the entry; 0 where nothing was. */
  readonly lostThrough: number;
}

export interface FeedParts {
  /** Above it the tail is told to wait. */
  readonly maxBytes: number;
  readonly onEntry: (entry: LaneEntry) => void;
  /** So many messages are gone. */
  readonly onLost: (count: number) => void;
}

/** What has come from a lane and waits to be written. */
export class LaneFeed implements TailHandler {
  readonly #parts: FeedParts;
  #entries: FedEntry[] = [];
  #bytes = 0;
  #lostThrough = 0;
  #tail: LaneTail | undefined;
  #paused = false;
  #failure: Error | undefined;
  #news = new Deferred();

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** Whose entries these are, to be told to wait. */
  follow(tail: LaneTail): void {
    this.#tail = tail;
    this.#throttle();
  }

  entry(entry: LaneEntry): void {
    const kept = entry.retain();
    this.#entries.push({ entry: kept, lostThrough: this.#lostThrough });
    this.#lostThrough = 0;
    this.#bytes += kept.bytes;
    this.#parts.onEntry(kept);
    this.#throttle();
    this.#news.resolve();
  }

  hole({ kind, from, to }: Hole): void {
    // Where nothing was, nobody missed anything.
    if (kind === 'broker') return;
    this.#lostThrough = to;
    this.#parts.onLost(to - from + 1);
  }

  indexLost(error: Error): void {
    this.fail(error);
  }

  ended(error: Error): void {
    this.fail(error);
  }

  /** Whoever waits here is told. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#news.resolve();
  }

  /** Resolves when there is something to take, or the signal is given. @throws what `fail` was told */
  async ready(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#news.resolve();
    signal.addEventListener('abort', stop);
    try {
      while (this.#failure === undefined && this.#entries.length === 0 && !signal.aborted) {
        this.#news = new Deferred();
        await this.#news.promise;
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The oldest entries, at least one where there is one, until one of the limits is reached. */
  take(maxBytes: number, maxMessages: number): FedEntry[] {
    let count = 0;
    let bytes = 0;
    let messages = 0;
    while (count < this.#entries.length && bytes < maxBytes && messages < maxMessages) {
      const { entry } = this.#entries[count] as FedEntry;
      bytes += entry.bytes;
      messages += entry.count;
      count++;
    }
    this.#bytes -= bytes;
    const taken = this.#entries.splice(0, count);
    this.#throttle();
    return taken;
  }

  #throttle(): void {
    if (this.#tail === undefined) return;
    if (!this.#paused && this.#bytes > this.#parts.maxBytes) {
      this.#paused = true;
      this.#tail.pause();
    } else if (this.#paused && this.#bytes * 2 < this.#parts.maxBytes) {
      this.#paused = false;
      this.#tail.resume();
    }
  }
}
