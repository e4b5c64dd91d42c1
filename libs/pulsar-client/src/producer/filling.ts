// Hot path: every message that goes into a batch passes through here.
import type { Outgoing } from './outgoing.ts';
import type { ProducerSettings } from './settings.ts';

/** The batch that is being filled. */
export class Filling {
  readonly #settings: ProducerSettings;
  readonly #full: () => void;
  #messages: Outgoing[] = [];
  #bytes = 0;
  #began = 0;
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined;

  /** @param full its delay is over, or there is no more room: it is to be taken */
  constructor(settings: ProducerSettings, full: () => void) {
    this.#settings = settings;
    this.#full = full;
  }

  get size(): number {
    return this.#messages.length;
  }

  get oldest(): Outgoing | undefined {
    return this.#messages[0];
  }

  /** While a batch is filled, when it was begun, where its delay is short beside the timeout of a message: the clock isn't free. */
  now(): number {
    const { batching, sendTimeoutMs } = this.#settings;
    if (this.#messages.length === 0 || batching === undefined) return performance.now();
    return sendTimeoutMs > 0 && batching.maxDelayMs * 100 > sendTimeoutMs ? performance.now() : this.#began;
  }

  /** @param maxMessageBytes what the broker takes */
  add(outgoing: Outgoing, batching: NonNullable<ProducerSettings['batching']>, maxMessageBytes: number): void {
    const maxBytes = Math.min(batching.maxBytes, maxMessageBytes);
    if (this.#messages.length > 0 && this.#bytes + outgoing.weight > maxBytes) this.#full();
    // Not the message's own time, which may be that of the batch before, or of when it began to wait for room.
    if (this.#messages.length === 0) this.#began = performance.now();
    this.#messages.push(outgoing);
    this.#bytes += outgoing.weight;
    if (this.#messages.length >= batching.maxMessages || this.#bytes >= maxBytes) this.#full();
    else this.#timer ??= this.#later(batching.maxDelayMs);
  }

  /** Takes all out. */
  take(): readonly Outgoing[] {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer as NodeJS.Timeout);
      clearImmediate(this.#timer as NodeJS.Immediate);
      this.#timer = undefined;
    }
    const messages = this.#messages;
    if (messages.length === 0) return messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }

  /** Takes out those that were handed over by then: the delay may be longer than a message may take. */
  expire(limit: number): readonly Outgoing[] {
    let count = 0;
    for (const { sentAt, weight } of this.#messages) {
      if (sentAt > limit) break;
      this.#bytes -= weight;
      count++;
    }
    return this.#messages.splice(0, count);
  }

  #later(delayMs: number): NodeJS.Timeout | NodeJS.Immediate {
    return delayMs === 0 ? setImmediate(this.#full) : setTimeout(this.#full, delayMs);
  }
}
