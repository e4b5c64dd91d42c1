import { Deferred, withDeadline, DeadlineExceeded } from '@pharos/lifecycle';
import { TestkitError } from './errors.ts';

interface Waiter<T> {
  readonly test: (items: readonly T[]) => boolean;
  readonly done: Deferred;
}

const defaultTimeoutMs = 60_000;
const maxItems = 2_000_000;

/** Collects what a callback delivers and lets a test wait until it holds what is expected, without a sleep. */
export class Collector<T> {
  readonly #items: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();

  /** All that has come so far, in order. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Takes one more; an arrow function, so that it can be handed over as the callback. */
  readonly add = (item: T): void => {
    if (this.#items.length >= maxItems) throw new TestkitError('invalid-option', `more than ${maxItems} items came`);
    this.#items.push(item);
    for (const waiter of this.#waiters) if (waiter.test(this.#items)) waiter.done.resolve();
  };

  /** Resolves when `test` holds, with all items; `test` is asked now and after each item. Throws `wait-timeout`. */
  async waitUntil(
    test: (items: readonly T[]) => boolean,
    what: string,
    timeoutMs: number = defaultTimeoutMs,
  ): Promise<readonly T[]> {
    if (test(this.#items)) return this.#items;
    const waiter: Waiter<T> = { test, done: new Deferred() };
    this.#waiters.add(waiter);
    try {
      await withDeadline(waiter.done.promise, timeoutMs, what);
      return this.#items;
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
      const message = `no ${what} in ${timeoutMs} ms; ${this.#items.length} items had come`;
      throw new TestkitError('wait-timeout', message, { cause: error });
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Resolves when at least `count` items have come. */
  waitForCount(count: number, timeoutMs?: number): Promise<readonly T[]> {
    return this.waitUntil((items) => items.length >= count, `${count} items`, timeoutMs);
  }

  /** Resolves with the first item for which `match` holds, whether it has come already or is still to come. */
  async waitFor(match: (item: T) => boolean, what: string, timeoutMs?: number): Promise<T> {
    let seen = 0;
    let found: { readonly item: T } | undefined;
    // Each item is looked at once, however often the condition is asked.
    const test = (items: readonly T[]): boolean => {
      for (; found === undefined && seen < items.length; seen++) {
        const item = items[seen] as T;
        if (match(item)) found = { item };
      }
      return found !== undefined;
    };
    await this.waitUntil(test, what, timeoutMs);
    return (found as unknown as { readonly item: T }).item;
  }
}
