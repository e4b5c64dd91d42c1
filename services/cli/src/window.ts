/** Bounds what has been sent and not yet acknowledged, in messages and bytes, so that input is read no faster than the broker takes it. */
export class Window {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #messages = 0;
  #bytes = 0;
  #waiting: (() => void) | undefined;

  constructor(limits: { readonly maxMessages: number; readonly maxBytes: number }) {
    this.#maxMessages = limits.maxMessages;
    this.#maxBytes = limits.maxBytes;
  }

  /** Takes room without waiting; false where there is none. One message of any size fits into an empty window. */
  tryTake(sizeBytes: number): boolean {
    const full = this.#messages >= this.#maxMessages || this.#bytes + sizeBytes > this.#maxBytes;
    if (full && this.#messages > 0) return false;
    this.#messages++;
    this.#bytes += sizeBytes;
    return true;
  }

  release(sizeBytes: number): void {
    this.#messages--;
    this.#bytes -= sizeBytes;
    this.wake();
  }

  /** Resolves at the next release or {@link wake}; for one waiter at a time. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Lets the waiter look again. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
