import { Deferred, withDeadline } from '@pharos/lifecycle';
import { Collector } from '@pharos/testkit';

export interface Close {
  readonly code: number;
  readonly reason: string;
}

interface Waiter {
  readonly match: (line: string) => boolean;
  readonly done: Deferred<string | undefined>;
}

/** What one client receives: every text, in order, up to its first close. */
export class Receiver {
  readonly name: string;
  readonly lines: Collector<string> = new Collector();
  readonly closed: Deferred<Close> = new Deferred();
  readonly #waiters = new Set<Waiter>();
  #close: Close | undefined;
  #afterClose = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** How it ended; undefined while it is connected. */
  get close(): Close | undefined {
    return this.#close;
  }

  /** Texts that came after the close: always 0, or a frame overtook a hole. */
  get afterClose(): number {
    return this.#afterClose;
  }

  readonly received = (text: string): void => {
    if (this.#close !== undefined) {
      this.#afterClose++;
      return;
    }
    this.lines.add(text);
    for (const waiter of this.#waiters) if (waiter.match(text)) waiter.done.resolve(text);
  };

  readonly ended = (close: Close): void => {
    if (this.#close !== undefined) return;
    this.#close = close;
    this.closed.resolve(close);
    for (const waiter of this.#waiters) waiter.done.resolve(undefined);
  };

  /** The first line that matches, whether it has come or is still to come; undefined where the client is closed before. */
  async lineOrClose(match: (line: string) => boolean, what: string, timeoutMs = 120_000): Promise<string | undefined> {
    const come = this.lines.items.find(match);
    if (come !== undefined || this.#close !== undefined) return come;
    const waiter: Waiter = { match, done: new Deferred() };
    this.#waiters.add(waiter);
    try {
      return await withDeadline(waiter.done.promise, timeoutMs, `${what} at ${this.name}`);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Resolves when `last` has come or the client is closed. */
  async settled(last: string, timeoutMs?: number): Promise<void> {
    await this.lineOrClose((line) => line === last, `'${last.slice(0, 40)}'`, timeoutMs);
  }
}
