export interface BoundedListOptions<T> {
  readonly maxItems: number;
  /** Most weight that is kept in all; the newest item is kept whatever it weighs. */
  readonly maxWeight: number;
  readonly weigh: (item: T) => number;
}

/**
 * The newest items of an endless row, bounded in count and in weight: what a room remembers. Each item has a sequence
 * number that never changes, so that a view can tell what it has shown already and what has fallen off meanwhile.
 */
export class BoundedList<T> {
  readonly #options: BoundedListOptions<T>;
  readonly #slots: (T | undefined)[];
  #first = 0;
  #next = 0;
  #weight = 0;

  constructor(options: BoundedListOptions<T>) {
    if (!Number.isInteger(options.maxItems) || options.maxItems < 1) {
      throw new RangeError(`maxItems must be a whole number of at least 1, not ${options.maxItems}`);
    }
    this.#options = options;
    this.#slots = Array.from<T | undefined>({ length: options.maxItems });
  }

  /** Sequence number of the oldest item that is kept. */
  get firstSeq(): number {
    return this.#first;
  }

  /** Sequence number that the next item will have. */
  get nextSeq(): number {
    return this.#next;
  }

  get length(): number {
    return this.#next - this.#first;
  }

  push(item: T): void {
    if (this.length === this.#options.maxItems) this.#dropOldest();
    this.#slots[this.#next % this.#options.maxItems] = item;
    this.#next++;
    this.#weight += this.#options.weigh(item);
    while (this.#weight > this.#options.maxWeight && this.length > 1) this.#dropOldest();
  }

  /** The item with this sequence number; undefined where it has fallen off or isn't there yet. */
  at(seq: number): T | undefined {
    if (seq < this.#first || seq >= this.#next) return undefined;
    return this.#slots[seq % this.#options.maxItems];
  }

  #dropOldest(): void {
    const slot = this.#first % this.#options.maxItems;
    const item = this.#slots[slot];
    if (item !== undefined) this.#weight -= this.#options.weigh(item);
    this.#slots[slot] = undefined;
    this.#first++;
  }
}
