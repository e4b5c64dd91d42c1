/** Keeps entries, oldest first, that a {@link RingBudget} may take away. */
export interface BudgetedRing {
  /** When its oldest entry came, on the clock of `performance.now()`; `undefined` where it has none. */
  readonly oldestMs: number | undefined;
  dropOldest(): void;
}

/** Bounds what all rings of an edge hold together: beyond it, the entry that came first goes first, whichever lane it is of. */
export class RingBudget {
  readonly #maxBytes: number;
  readonly #rings = new Set<BudgetedRing>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(ring: BudgetedRing): void {
    this.#rings.add(ring);
  }

  remove(ring: BudgetedRing): void {
    this.#rings.delete(ring);
  }

  /** The rings call `release` for what they drop. */
  take(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) {
      const ring = this.#oldest();
      if (ring === undefined) return;
      ring.dropOldest();
    }
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  #oldest(): BudgetedRing | undefined {
    let found: BudgetedRing | undefined;
    let foundMs = Infinity;
    for (const ring of this.#rings) {
      const { oldestMs } = ring;
      if (oldestMs === undefined || oldestMs >= foundMs) continue;
      found = ring;
      foundMs = oldestMs;
    }
    return found;
  }
}
