import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pharos/errors';
import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';
import type { MessageIdParts } from '../message-id.ts';
import type { CommandSendReceipt } from '../wire/index.ts';
import type { PendingEntry } from './pending.ts';
import { readBack } from './read-back.ts';

/** How often the topic is read before what isn't known by then is given up. */
const maxReads = 3;
/** Where nothing was ever acknowledged the topic is read by time: clocks differ. */
const clockMarginSeconds = 60;

export interface DoubtsParts {
  readonly topic: string;
  readonly partition: number;
  readonly producerName: () => string;
  readonly oldest: () => PendingEntry | undefined;
  /** Takes a receipt that was held back. */
  readonly replay: (receipt: CommandSendReceipt) => void;
}

/**
 * Receipts that say "duplicate" and need not mean it: a broker that misread the command of one entry says it of others too. What
 * became of an entry is in the topic, where its producer's name and its sequence id are under a checksum: so it is read there.
 * Receipts wait meanwhile.
 */
export class Doubts {
  readonly #core: ClientCore;
  readonly #parts: DoubtsParts;
  /** As many as entries are on their way, at most. */
  readonly #held = new Fifo<CommandSendReceipt>();
  readonly #stored = new Map<number, MessageIdParts>();
  /** Looked for, to the topic's end as it was when they were answered. */
  readonly #sought = new Set<number>();
  #reading = false;
  #refused = false;
  #over = false;
  /** Where the last entry lies that was acknowledged: what is sought is behind it. */
  #last: MessageIdParts | undefined;

  constructor(core: ClientCore, parts: DoubtsParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** Receipts are held back. */
  get holding(): boolean {
    return this.#reading;
  }

  /** Whether there is a way to find out: who publishes need not be allowed to read. */
  get open(): boolean {
    return !this.#refused;
  }

  hold(receipt: CommandSendReceipt): void {
    this.#held.push(receipt);
  }

  acknowledged(place: MessageIdParts): void {
    this.#last = place;
  }

  /** Where an entry lies; `missing`: nowhere, as far as can be said; `undefined`: to be looked for. */
  placeOf(sequenceId: number): MessageIdParts | 'missing' | undefined {
    return this.#stored.get(sequenceId) ?? (this.#sought.has(sequenceId) ? 'missing' : undefined);
  }

  /** Holds this receipt and all that follow until it is known what they are worth; then they come again. */
  lookInto(receipt: CommandSendReceipt): void {
    this.#held.push(receipt);
    if (this.#reading) return;
    this.#reading = true;
    this.#read()
      .catch((error: unknown) => this.#core.logger.error({ err: error }, 'reading back: defect'))
      .finally(() => this.#readOn());
  }

  /** What is held is void: all is written again. */
  forget(): void {
    this.#held.drain();
    this.#stored.clear();
    this.#sought.clear();
  }

  /** Places are those of another cluster. */
  elsewhere(): void {
    this.#last = undefined;
  }

  end(): void {
    this.#over = true;
    this.forget();
  }

  #readOn(): void {
    this.#reading = false;
    for (const receipt of this.#held.drain()) {
      // One of them may want another look.
      if (this.holding) this.#held.push(receipt);
      else if (!this.#over) this.#parts.replay(receipt);
    }
    if (this.holding) return;
    this.#stored.clear();
    this.#sought.clear();
  }

  async #read(): Promise<void> {
    const { topic } = this.#parts;
    const backoff = this.#core.newBackoff();
    let refusals = 0;
    for (let times = 1; !this.#over; times++) {
      try {
        if (await this.#readOnce()) return;
      } catch (error) {
        this.#core.logger.warn({ topic, times, reason: describeError(error) }, 'a topic could not be read back');
        // A single one may be the answer to a topic's name that has arrived as another.
        if (error instanceof PulsarError && !error.retryable) refusals++;
      }
      if (times >= maxReads) {
        this.#refused = refusals === maxReads;
        return this.#seek();
      }
      await delay(backoff.next());
    }
  }

  async #readOnce(): Promise<boolean> {
    const { topic, partition } = this.#parts;
    const oldest = this.#parts.oldest();
    if (oldest === undefined) return true;
    const name = this.#parts.producerName();
    const whole = await readBack(this.#core, {
      topic,
      partition,
      after: this.#last,
      seconds: clockMarginSeconds + Math.ceil((performance.now() - oldest.sentAt) / 1000),
      entry: ({ metadata, messageId }) => {
        const { producerName, sequenceId } = metadata;
        if (producerName === name && sequenceId >= oldest.sequenceId) this.#stored.set(sequenceId, messageId);
      },
      begun: () => this.#seek(),
    });
    if (!whole) this.#sought.clear();
    this.#core.logger.info({ topic, held: this.#held.size, found: this.#stored.size, whole }, 'a topic was read back');
    return whole;
  }

  /** What is answered by now is there, or nowhere. */
  #seek(): void {
    for (const { sequenceId } of this.#held) this.#sought.add(sequenceId);
  }
}
