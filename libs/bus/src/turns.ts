/** Something that has entries to deliver: a tail. */
export interface TurnSource {
  /** Delivers entries until about `maxBytes` were delivered or none is left; says how many bytes it delivered. */
  deliver(maxBytes: number): number;
  /** Whether `deliver` would deliver something. */
  hasWork(): boolean;
  /** Called once after the last entry of a turn in which the source delivered. */
  turnEnd(): void;
}

/** What one source may deliver before the next one gets its go: small against a turn, so that a busy lane holds up no other. */
const quantumBytes = 32 * 1024;

/** A visit costs something even when nothing comes of it; counted so that a turn ends whatever the sources do. */
const visitBytes = 64;

/**
 * Divides the event loop between the tails of one bus and everything else: a turn delivers at most about `turnBytes`,
 * round robin over the sources that have work, then sockets get theirs.
 */
export class TurnScheduler {
  readonly #turnBytes: number;
  #queue: TurnSource[] = [];
  readonly #queued = new Set<TurnSource>();
  #scheduled = false;

  constructor(turnBytes: number) {
    this.#turnBytes = turnBytes;
  }

  /** Says that a source has work; it's delivered in a later turn, never inside this call. */
  ready(source: TurnSource): void {
    if (this.#queued.has(source)) return;
    this.#queued.add(source);
    this.#queue.push(source);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const delivered = new Set<TurnSource>();
    try {
      this.#deliver(delivered);
      for (const source of delivered) source.turnEnd();
    } finally {
      // Also when a handler threw: that takes its own way up, and must not still every other lane.
      if (this.#queue.length > 0) this.#schedule();
    }
  }

  #deliver(delivered: Set<TurnSource>): void {
    let left = this.#turnBytes;
    while (left > 0) {
      const source = this.#queue.shift();
      if (source === undefined) return;
      this.#queued.delete(source);
      const bytes = source.deliver(Math.min(left, quantumBytes));
      if (bytes > 0) delivered.add(source);
      left -= Math.max(bytes, visitBytes);
      if (source.hasWork() && !this.#queued.has(source)) {
        this.#queued.add(source);
        this.#queue.push(source);
      }
    }
  }
}
