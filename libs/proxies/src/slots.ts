import { ProxyError } from './errors.ts';

/** What waits for a slot may hold together, whatever its count: requests may be as large as messages. */
const maxWaitingBytes = 16 * 1024 * 1024;

interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
}

/** So many requests at a time; others wait in the order that they came in, as many as may. */
export class Slots {
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiter>();
  #free: number;
  #waitingBytes = 0;

  constructor(maxBusy: number, maxWaiting: number) {
    this.#free = maxBusy;
    this.#maxWaiting = maxWaiting;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when there is a slot, which `leave` gives back. @throws ProxyError `queue-full`, and the signal's reason */
  async enter(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    if (this.#waiting.size >= this.#maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes)
      throw new ProxyError('queue-full', 'too many requests wait for the backend already');
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        this.#remove(waiter);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const waiter: Waiter = { bytes, enter };
      this.#waiting.add(waiter);
      this.#waitingBytes += bytes;
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#remove(next);
    next.enter();
  }

  #remove(waiter: Waiter): void {
    if (this.#waiting.delete(waiter)) this.#waitingBytes -= waiter.bytes;
  }
}
