import assert from 'node:assert/strict';
import type { FaultProxy, ProxyDirection } from '@pharos/testkit';
import type { Chance } from './chance.ts';

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

  readonly happened = (): void => {
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
