/** Something that is over at a time, unless it is prolonged. */
export interface Expiring {
  expired(): void;
}

const tickMs = 1_000;
/** What all clients can count to: the field has 32 bits, and some read it with a sign. */
const maxTtlSeconds = 0x7fffffff;

/**
 * What expires, by the second: one timer for all connections and subscriptions of an edge. Each gets a while beyond its time, in which its
 * client may still refresh it.
 */
export class Expirations {
  readonly #delaySeconds: number;
  readonly #now: () => number;
  readonly #due = new Map<number, Set<Expiring>>();
  #timer: NodeJS.Timeout | undefined;
  #looked: number;

  /** @param now milliseconds since 1970 */
  constructor(delayMs: number, now: () => number = Date.now) {
    this.#delaySeconds = Math.ceil(delayMs / 1_000);
    this.#now = now;
    this.#looked = this.#second();
  }

  run(): void {
    this.#timer = setInterval(() => this.look(), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#due.clear();
  }

  /** @param expireAt seconds since 1970; returns what `remove` takes */
  add(item: Expiring, expireAt: number): number {
    const second = Math.max(expireAt + this.#delaySeconds, this.#looked + 1);
    let items = this.#due.get(second);
    if (items === undefined) {
      items = new Set();
      this.#due.set(second, items);
    }
    items.add(item);
    return second;
  }

  remove(item: Expiring, second: number): void {
    const items = this.#due.get(second);
    if (items === undefined) return;
    items.delete(item);
    if (items.size === 0) this.#due.delete(second);
  }

  /** How long from now, in whole seconds, at least 1: what clients are told. */
  ttlSeconds(expireAt: number): number {
    return Math.min(maxTtlSeconds, Math.max(1, expireAt - this.#second()));
  }

  /** Tells those whose time is over. */
  look(): void {
    const now = this.#second();
    for (let second = this.#looked + 1; second <= now; second++) {
      const items = this.#due.get(second);
      this.#due.delete(second);
      for (const item of items ?? []) item.expired();
    }
    this.#looked = Math.max(this.#looked, now);
  }

  #second(): number {
    return Math.floor(this.#now() / 1_000);
  }
}
