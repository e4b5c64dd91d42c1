import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pharos/errors';
import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import { Fifo } from '../fifo.ts';
import type { MessageIdParts } from '../message-id.ts';
import type { CommandSendReceipt } from '../wire/index.ts';
import type { PendingEntry } from './pending.ts';
import { readBack, type ReadBackOutcome } from './read-back.ts';

/** How often the topic is read before what isn't known by then is given up. */
const maxReads = 3;
/** Where it can't go by places the topic is read by time, for clocks differ. */
const clockMarginMs = 60_000;

export interface DoubtsParts {
  readonly topic: string;
  readonly partition: number;
  readonly producerName: () => string;
  readonly oldest: () => PendingEntry | undefined;
  /** Takes a receipt that was held back. */
  readonly replay: (receipt: CommandSendReceipt) => void;
}

/** Looked for and not found; `untold`: which says nothing, since who publishes need not be allowed to read, nor a topic to keep anything. */
export type Unseen = 'missing' | 'untold';

interface Acknowledged {
  readonly place: MessageIdParts;
  readonly sentAt: number;
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
  readonly #sought = new Map<number, Unseen>();
  readonly #over = new AbortController();
  #reading = false;
  #refused = false;
  /** The last two that were acknowledged: what is sought is behind them. The place of one may have arrived as another. */
  #last: Acknowledged | undefined;
  #before: Acknowledged | undefined;

  constructor(core: ClientCore, parts: DoubtsParts) {
    this.#core = core;
    this.#parts = parts;
    // What isn't persistent is nowhere.
    this.#refused = !parts.topic.startsWith('persistent:');
  }

  /** Receipts are held back. */
  get holding(): boolean {
    return this.#reading;
  }

  hold(receipt: CommandSendReceipt): void {
    this.#held.push(receipt);
  }

  acknowledged(place: MessageIdParts, sentAt: number): void {
    this.#before = this.#last;
    this.#last = { place, sentAt };
  }

  /** Where an entry lies; `undefined`: to be looked for. */
  placeOf(sequenceId: number): MessageIdParts | Unseen | undefined {
    return this.#refused ? 'untold' : (this.#stored.get(sequenceId) ?? this.#sought.get(sequenceId));
  }

  /** Holds this receipt and all that follow until it is known what they are worth; then they come again. */
  lookInto(receipt: CommandSendReceipt): void {
    this.#held.push(receipt);
    if (this.#reading) return;
    this.#reading = true;
    this.#read()
      .finally(() => this.#readOn())
      .catch((error: unknown) => this.#core.logger.error({ err: error }, 'reading back: defect'));
  }

  /** What is held is void: all is written again. What was found meanwhile stays where it is. */
  forget(): void {
    this.#held.drain();
    this.#sought.clear();
  }

  /** Places are those of another cluster. */
  elsewhere(): void {
    this.#last = undefined;
    this.#before = undefined;
    this.#stored.clear();
  }

  end(): void {
    this.#over.abort();
    this.forget();
  }

  #readOn(): void {
    this.#reading = false;
    for (const receipt of this.#held.drain()) {
      // One of them may want another look.
      if (this.holding) this.#held.push(receipt);
      else if (!this.#over.signal.aborted) this.#parts.replay(receipt);
    }
    if (this.holding) return;
    this.#stored.clear();
    this.#sought.clear();
  }

  async #read(): Promise<void> {
    const { topic } = this.#parts;
    const backoff = this.#core.newBackoff();
    let refusals = 0;
    for (let times = 1; !this.#over.signal.aborted; times++) {
      let outcome: ReadBackOutcome | undefined;
      try {
        outcome = await this.#readOnce();
        if (outcome === 'whole') return;
      } catch (error) {
        this.#core.metrics.readBack?.('failed');
        this.#core.logger.warn({ topic, times, reason: describeError(error) }, 'a topic could not be read back');
        // A single one may be the answer to a topic's name that has arrived as another.
        if (error instanceof PulsarError && !error.retryable) refusals++;
      }
      if (times >= maxReads) {
        this.#refused = refusals === maxReads;
        return this.#seek(outcome === 'gone' ? 'untold' : 'missing');
      }
      this.#sought.clear();
      await delay(backoff.next());
    }
  }

  async #readOnce(): Promise<ReadBackOutcome> {
    const { topic, partition } = this.#parts;
    const oldest = this.#parts.oldest();
    if (oldest === undefined) return 'whole';
    const name = this.#parts.producerName();
    const outcome = await readBack(this.#core, {
      topic,
      partition,
      known: this.#knownAt(oldest.sentAt),
      seconds: Math.ceil((clockMarginMs + performance.now() - oldest.sentAt) / 1000),
      signal: this.#over.signal,
      entry: ({ metadata, messageId }) => {
        const { producerName, sequenceId } = metadata;
        if (producerName === name && sequenceId >= oldest.sequenceId) this.#stored.set(sequenceId, messageId);
      },
      begun: () => this.#seek('missing'),
    });
    this.#core.metrics.readBack?.(outcome);
    this.#core.logger.info(
      { topic, held: this.#held.size, found: this.#stored.size, outcome },
      'a topic was read back',
    );
    return outcome;
  }

  /** Places that were acknowledged shortly before: since an older one others may have stored much. */
  #knownAt(sentAt: number): MessageIdParts[] {
    const known = [this.#before, this.#last].filter((one) => one !== undefined);
    return known.filter((one) => sentAt - one.sentAt <= clockMarginMs).map(({ place }) => place);
  }

  /** What is answered by now is there, or nowhere. */
  #seek(otherwise: Unseen): void {
    for (const { sequenceId } of this.#held) this.#sought.set(sequenceId, otherwise);
  }
}
