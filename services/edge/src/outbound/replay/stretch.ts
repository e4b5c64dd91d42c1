import type { Hole, LaneEntry, Log, TailHandler, TailStart } from '@pharos/bus';
import { BusError } from '@pharos/bus';
import { Deferred } from '@pharos/lifecycle';

import type { LaneRing } from '../lane-ring.ts';

/** A part of a lane as it was read from the log. */
export interface Stretch {
  /** What it has; less where memory was needed for others meanwhile. */
  readonly ring: LaneRing;
  /** It was read from after this offset on. */
  readonly begin: number;
  /** Everything up to there was read. */
  readonly through: number;
  /** Where the entry at `through` lies, to go on from there; empty where none was read. */
  readonly position: string;
  readonly bytes: number;
}

export interface StretchLimits {
  /** Read no further than what has this offset. */
  readonly until: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Reads a part of a lane into the ring: to its end, or as far as the limits let it. @throws BusError */
export async function readStretch(
  log: Log,
  lane: number,
  start: TailStart,
  ring: LaneRing,
  limits: StretchLimits,
): Promise<Stretch> {
  const reader = new Reader(ring, limits);
  const timer = setTimeout(() => reader.finish(), limits.timeoutMs);
  try {
    const tail = await log.attach(lane, reader, start);
    reader.beginAfter(tail.head);
    try {
      await reader.finished;
    } finally {
      await tail.close();
    }
    return reader.stretch();
  } finally {
    clearTimeout(timer);
  }
}

class Reader implements TailHandler {
  readonly #ring: LaneRing;
  readonly #limits: StretchLimits;
  readonly #done = new Deferred<void>();
  #isDone = false;
  #head = -1;
  #begin = -1;
  #position = '';
  #bytes = 0;

  constructor(ring: LaneRing, limits: StretchLimits) {
    this.#ring = ring;
    this.#limits = limits;
    // It may fail before anybody waits.
    this.#done.promise.catch(() => undefined);
  }

  get finished(): Promise<void> {
    return this.#done.promise;
  }

  /** Where the tail began; it may have handed over entries already. */
  beginAfter(offset: number): void {
    if (this.#head < 0) this.#head = offset;
    if (this.#begin < 0) this.#begin = offset;
    this.#ring.begin(offset);
    this.#check();
  }

  entry(entry: LaneEntry): void {
    if (this.#isDone) return;
    if (entry.firstOffset <= 0) return this.#fail(new BusError('refused', `lane ${entry.lane} has no offsets`));
    const hashes = new Int32Array(entry.count);
    const cursor = entry.publications();
    for (let index = 0; cursor.next(); index++) hashes[index] = cursor.keyHash();
    if (this.#begin < 0) this.#begin = entry.firstOffset - 1;
    this.#ring.add(entry, hashes, performance.now());
    this.#head = entry.firstOffset + entry.count - 1;
    this.#position = entry.position;
    this.#bytes += entry.bytes;
    this.#check();
  }

  hole({ to, kind }: Hole): void {
    if (this.#isDone) return;
    if (kind === 'lost') this.#restart(to);
    this.#head = to;
    this.#check();
  }

  indexLost(error: Error): void {
    this.#fail(error);
  }

  ended(error: Error): void {
    this.#fail(error);
  }

  finish(): void {
    this.#isDone = true;
    this.#done.resolve();
  }

  stretch(): Stretch {
    const [ring, begin, through] = [this.#ring, Math.max(0, this.#begin), Math.max(0, this.#head)];
    return { ring, begin, through, position: this.#position, bytes: this.#bytes };
  }

  #restart(offset: number): void {
    this.#ring.restart(offset);
    this.#begin = offset;
  }

  #check(): void {
    if (this.#head >= this.#limits.until || this.#ring.bytes >= this.#limits.maxBytes) this.finish();
  }

  #fail(error: Error): void {
    this.#isDone = true;
    this.#done.reject(error);
  }
}
