import type { LaneMark, Place } from '../lanes/lane-watch.ts';
import {
  type Claim,
  defaultHoldMs,
  type IdempotencyStore,
  type KeyedPublish,
  type Publisher,
  windowMs,
} from './port.ts';

/** Of one process; the log that it is about is to end with it. */
export interface MemoryIdempotencyOptions {
  readonly holdMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** Keys that are remembered at most: then the oldest is forgotten. @default 1000000 */
  readonly maxKeys?: number;
}

interface Entry {
  publisher: Publisher;
  heldUntil: number;
  mark: LaneMark;
  done: { readonly place: Place | undefined } | undefined;
  expires: number;
}

export class MemoryIdempotency implements IdempotencyStore {
  readonly #entries = new Map<string, Entry>();
  readonly #holdMs: number;
  readonly #now: () => number;
  readonly #maxKeys: number;

  constructor(options: MemoryIdempotencyOptions = {}) {
    this.#holdMs = options.holdMs ?? defaultHoldMs;
    this.#now = options.now ?? Date.now;
    this.#maxKeys = options.maxKeys ?? 1_000_000;
  }

  claim(publish: KeyedPublish, publisher: Publisher, mark: LaneMark): Promise<Claim> {
    const now = this.#now();
    const name = nameOf(publish);
    const entry = this.#entry(name);
    const heldUntil = now + this.#holdMs;
    if (entry === undefined) {
      this.#entries.set(name, { publisher, heldUntil, mark, done: undefined, expires: now + windowMs });
      this.#forget(now);
      return Promise.resolve({ kind: 'mine' });
    }
    if (entry.done !== undefined) return Promise.resolve({ kind: 'done', place: entry.done.place });
    if (entry.heldUntil > now) return Promise.resolve({ kind: 'busy' });
    Object.assign(entry, { publisher, heldUntil, expires: now + windowMs });
    return Promise.resolve({ kind: 'abandoned', mark: entry.mark });
  }

  hold(publish: KeyedPublish, publisher: Publisher, mark?: LaneMark): Promise<boolean> {
    const entry = this.#own(publish, publisher);
    if (entry === undefined) return Promise.resolve(false);
    entry.heldUntil = this.#now() + this.#holdMs;
    if (mark !== undefined) entry.mark = mark;
    return Promise.resolve(true);
  }

  done(publish: KeyedPublish, publisher: Publisher, place: Place | undefined): Promise<void> {
    const entry = this.#own(publish, publisher);
    if (entry !== undefined) Object.assign(entry, { done: { place }, expires: this.#now() + windowMs });
    return Promise.resolve();
  }

  release(publish: KeyedPublish, publisher: Publisher): Promise<void> {
    if (this.#own(publish, publisher) !== undefined) this.#entries.delete(nameOf(publish));
    return Promise.resolve();
  }

  abandon(publish: KeyedPublish, publisher: Publisher): Promise<void> {
    const entry = this.#own(publish, publisher);
    if (entry !== undefined) entry.heldUntil = 0;
    return Promise.resolve();
  }

  #own(publish: KeyedPublish, publisher: Publisher): Entry | undefined {
    const entry = this.#entry(nameOf(publish));
    return entry?.publisher === publisher && entry.done === undefined ? entry : undefined;
  }

  #entry(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.expires > this.#now()) return entry;
    this.#entries.delete(name);
    return undefined;
  }

  /** Oldest first, as far as they are over, or too many. */
  #forget(now: number): void {
    for (const [name, { expires }] of this.#entries) {
      if (expires > now && this.#entries.size <= this.#maxKeys) return;
      this.#entries.delete(name);
    }
  }
}

function nameOf({ log, channel, key }: KeyedPublish): string {
  return JSON.stringify([log, channel, key]);
}
