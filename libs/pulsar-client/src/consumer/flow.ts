/** The size that messages are taken to have before any has come. */
const initialAverageBytes = 512;
const maxGrant = 1_000_000_000;

/**
 * How many messages the broker may send. Its permits count messages, memory counts bytes: so the window shrinks as
 * messages turn out larger, and nothing is granted while the queue holds its bytes.
 */
export class Flow {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** Granted and not used yet; below 0 where a batch had more messages than were left. */
  #outstanding = 0;
  #queuedMessages = 0;
  #queuedBytes = 0;
  #averageBytes = initialAverageBytes;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** So much came that reading must stop: permits were granted for small messages, and large ones came. */
  get flooded(): boolean {
    return this.#queuedBytes > this.#maxBytes * 4 + 16 * 1024 * 1024;
  }

  /** A new session begins with no permits. */
  restart(): void {
    this.#outstanding = 0;
  }

  arrived(messages: number, bytes: number): void {
    this.#outstanding -= messages;
    this.#queuedMessages += messages;
    this.#queuedBytes += bytes;
    const average = bytes / messages;
    // Quick to believe in large messages, slow to believe that they are over.
    const weight = average > this.#averageBytes ? 0.5 : 0.05;
    this.#averageBytes += (average - this.#averageBytes) * weight;
  }

  taken(messages: number, bytes: number): void {
    this.#queuedMessages -= messages;
    this.#queuedBytes -= bytes;
  }

  /** Permits to grant now, counted as granted; 0: none, or too few to be worth a command. */
  grant(): number {
    if (this.#queuedBytes >= this.#maxBytes) return 0;
    const window = Math.max(
      1,
      Math.min(this.#maxMessages, Math.floor(this.#maxBytes / Math.max(1, this.#averageBytes))),
    );
    // The protocol has 32 bits for it; the rest goes with the next one.
    const missing = Math.min(maxGrant, window - this.#outstanding - this.#queuedMessages);
    if (missing <= 0 || (missing * 2 < window && this.#outstanding > 0)) return 0;
    this.#outstanding += missing;
    return missing;
  }
}
