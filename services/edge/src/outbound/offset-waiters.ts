interface Waiter {
  readonly offset: number;
  readonly done: (reached: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** Clients that come from an edge which was ahead wait here until this one has caught up: for a moment, or in vain. */
export class OffsetWaiters {
  readonly #waiters = new Set<Waiter>();

  /** Resolves with true once `reached` was told of this offset or a later one, with false after `timeoutMs`. */
  wait(offset: number, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (reached: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const timer = setTimeout(() => done(false), timeoutMs);
      const waiter: Waiter = { offset, done, timer };
      this.#waiters.add(waiter);
    });
  }

  reached(offset: number): void {
    for (const waiter of this.#waiters) if (waiter.offset <= offset) waiter.done(true);
  }

  /** Nobody has anything to wait for any more. */
  stop(): void {
    for (const waiter of this.#waiters) waiter.done(false);
  }
}
