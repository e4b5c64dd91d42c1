import { PulsarError } from '../errors.ts';
import { OutgoingMessageView } from './outgoing-message-view.ts';
import type { ProducerMessage } from './producer-config.ts';
import type { ProducerSettings } from './settings.ts';

/** Chooses the partition of each message of one producer. */
export class PartitionRouter {
  readonly #settings: ProducerSettings;
  #partitions: number;
  /** Where messages without a key go next, or always. */
  #keyless: number;
  #sinceSwitch = 0;
  #switchedAt = 0;

  /** @param random injected in tests */
  constructor(settings: ProducerSettings, partitions: number, random: () => number = Math.random) {
    this.#settings = settings;
    this.#partitions = partitions;
    // Producers that all began at partition 0 would load it most.
    this.#keyless = Math.floor(random() * partitions);
  }

  /** More partitions from now on: the same key may go to another one. */
  grow(partitions: number): void {
    this.#partitions = partitions;
  }

  /** @throws PulsarError `InvalidConfiguration` where a custom router chose no partition */
  partitionOf(message: ProducerMessage): number {
    const { router, hash, routing } = this.#settings;
    if (router !== undefined) {
      const chosen = router(new OutgoingMessageView(message), { numPartitions: this.#partitions });
      if (Number.isInteger(chosen) && chosen >= 0 && chosen < this.#partitions) return chosen;
      const text = `messageRouter chose partition ${String(chosen)}, expected 0 to ${this.#partitions - 1}`;
      throw new PulsarError('InvalidConfiguration', text);
    }
    if (message.partitionKey !== undefined) return hash(message.partitionKey) % this.#partitions;
    return routing === 'RoundRobinDistribution' ? this.#nextInTurn() : this.#keyless;
  }

  /** Goes to the next partition with each batch, not with each message: else batches would be as many times smaller. */
  #nextInTurn(): number {
    const { batching } = this.#settings;
    const now = performance.now();
    const full = batching === undefined || this.#sinceSwitch >= batching.maxMessages;
    if (full || now - this.#switchedAt >= batching.maxDelayMs) {
      this.#keyless = (this.#keyless + 1) % this.#partitions;
      this.#sinceSwitch = 0;
      this.#switchedAt = now;
    }
    this.#sinceSwitch++;
    return this.#keyless;
  }
}
