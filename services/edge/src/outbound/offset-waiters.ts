interface Waiter {
  readonly offset: number;
  readonly done: (reached: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** Clients that come from an edge which was ahead wait here until this one has caught up: for a moment, or in vain. */
export class OffsetWaiters {
  readonly #waiters = new Set<Waiter>();
  /** None waits for less: a lane says where it is at each turn, and most of the time nobody is reached by that. */
  #least = Infinity;

  get waiting(): boolean {
    return this.#waiters.size > 0;
  }

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
      this.#least = Math.min(this.#least, offset);
    });
  }

  reached(offset: number): void {
    if (offset < this.#least) return;
    this.#least = Infinity;
    for (const waiter of this.#waiters) {
      if (waiter.offset <= offset) waiter.done(true);
      else this.#least = Math.min(this.#least, waiter.offset);
    }
  }

  /** Nobody has anything to wait for any more. */
  stop(): void {
    for (const waiter of this.#waiters) waiter.done(false);
  }
}
