import assert from 'node:assert/strict';
import type { FaultProxy, ProxyDirection } from '@pharos/testkit';
import type { Client } from '../../src/client.ts';
import type { ProducerConfig } from '../../src/producer/producer-config.ts';
import type { Chance } from './chance.ts';
import { NumberedLoad } from './fault-load.ts';

/** Each message by itself, and batches. */
const kinds: Readonly<Record<string, Partial<ProducerConfig>>> = {
  single: { batchingEnabled: false },
  zlib: { compressionType: 'Zlib', batchingMaxPublishDelayMs: 1 },
};

export const bit = (chance: Chance): number => 1 << chance.between(0, 7);

/** Flips one bit after another, each once that so much has happened. */
export class Flips {
  readonly #proxies: readonly FaultProxy[];
  readonly #chance: Chance;
  #left = 20;
  count = 0;

  constructor(proxies: readonly FaultProxy[], chance: Chance) {
    this.#proxies = proxies;
    this.#chance = chance;
  }

  /** Loads of `total` messages each that have bits flipped as they go on. */
  loads(publisher: Client, config: ProducerConfig, total: number): Promise<NumberedLoad[]> {
    return Promise.all(
      Object.entries(kinds).map(async ([name, own]) => {
        const producer = await publisher.createProducer({ blockIfQueueFull: true, ...config, ...own });
        return new NumberedLoad(name, producer, { total, keys: 0, bytes: 100, onAcknowledged: this.#happened });
      }),
    );
  }

  readonly #happened = (): void => {
    if (--this.#left > 0) return;
    this.#left = this.#chance.between(20, 60);
    this.#flip().catch(assert.ifError);
  };

  /** What is armed still is not to hit what comes now. */
  stop(): void {
    this.#left = Number.POSITIVE_INFINITY;
    for (const proxy of this.#proxies) proxy.disarm();
  }

  async #flip(): Promise<void> {
    const direction: ProxyDirection = this.#chance.of(['up', 'down']);
    await this.#chance.of(this.#proxies).corrupt(direction, this.#chance.between(0, 2000), bit(this.#chance));
    this.count++;
  }
}
