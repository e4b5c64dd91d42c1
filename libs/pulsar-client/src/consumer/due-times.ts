// Hot path of consumers with an acknowledgement timeout: every message that is received passes through here.

/** Looks of time between due and told, as a share of the shortest delay. */
const precision = 20;
const maxTickMs = 1000;

/**
 * Items that come due, in buckets of about the same time: putting in and taking out cost the same however many there are,
 * and one timer serves them all.
 */
export class DueTimes<Item> {
  readonly #tickMs: number;
  readonly #due: (items: readonly Item[]) => void;
  readonly #now: () => number;
  readonly #buckets = new Map<number, Map<string, Item>>();
  readonly #tickOf = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerTick = Number.POSITIVE_INFINITY;

  /**
   * @param shortestMs the shortest delay; items are told at most a twentieth of it too late, or a second
   * @param now a clock that never goes back, in milliseconds
   */
  constructor(shortestMs: number, due: (items: readonly Item[]) => void, now: () => number = () => performance.now()) {
    this.#tickMs = Math.max(1, Math.min(maxTickMs, Math.floor(shortestMs / precision)));
    this.#due = due;
    this.#now = now;
  }

  get size(): number {
    return this.#tickOf.size;
  }

  has(key: string): boolean {
    return this.#tickOf.has(key);
  }

  /** Puts an item in, in place of what the key had. */
  set(key: string, item: Item, delayMs: number): void {
    this.delete(key);
    const tick = Math.ceil((this.#now() + delayMs) / this.#tickMs);
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) {
      bucket = new Map();
      this.#buckets.set(tick, bucket);
    }
    bucket.set(key, item);
    this.#tickOf.set(key, tick);
    if (tick < this.#timerTick) this.#arm(tick);
  }

  delete(key: string): void {
    const tick = this.#tickOf.get(key);
    if (tick === undefined) return;
    this.#tickOf.delete(key);
    const bucket = this.#buckets.get(tick);
    bucket?.delete(key);
    if (bucket?.size === 0) this.#buckets.delete(tick);
  }

  /** Takes out what a test says. */
  deleteWhere(test: (item: Item) => boolean): void {
    for (const bucket of [...this.#buckets.values()]) {
      for (const [key, item] of bucket) if (test(item)) this.delete(key);
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerTick = Number.POSITIVE_INFINITY;
    this.#buckets.clear();
    this.#tickOf.clear();
  }

  /** Tells those that would be due first at once. */
  hurry(): void {
    this.#tell(Math.min(...this.#buckets.keys()));
  }

  #arm(tick: number): void {
    clearTimeout(this.#timer);
    this.#timerTick = tick;
    this.#timer = setTimeout(
      () => {
        this.#timerTick = Number.POSITIVE_INFINITY;
        // A timer may fire a little early.
        this.#tell(Math.floor((this.#now() + 1) / this.#tickMs));
      },
      Math.max(0, tick * this.#tickMs - this.#now()),
    );
  }

  /** Takes out and tells all that is due up to a tick. */
  #tell(upTo: number): void {
    const items: Item[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [tick, bucket] of this.#buckets) {
      if (tick > upTo) {
        next = Math.min(next, tick);
        continue;
      }
      for (const [key, item] of bucket) {
        this.#tickOf.delete(key);
        items.push(item);
      }
      this.#buckets.delete(tick);
    }
    if (next < this.#timerTick) this.#arm(next);
    if (items.length > 0) this.#due(items);
  }
}
