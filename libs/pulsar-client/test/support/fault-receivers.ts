// Who cuts, and who receives meanwhile.
import assert from 'node:assert/strict';
import type { FaultProxy, ProxyDirection } from '@pharos/testkit';
import type { Consumer } from '../../src/consumer/consumer.ts';
import type { Message } from '../../src/consumer/message.ts';
import { PulsarError } from '../../src/errors.ts';
import type { Reader } from '../../src/reader/reader.ts';
import type { Chance } from './chance.ts';
import type { Receipts } from './fault-load.ts';

/** Cuts connections through one proxy, each time that so much has happened since the last time. */
export class Cutter {
  readonly #proxy: FaultProxy;
  readonly #chance: Chance;
  readonly #least: number;
  readonly #most: number;
  #left = 0;
  cuts = 0;

  constructor(proxy: FaultProxy, chance: Chance, least: number, most: number) {
    this.#proxy = proxy;
    this.#chance = chance;
    this.#least = least;
    this.#most = most;
    this.#left = chance.between(least, most);
  }

  readonly happened = (): void => {
    if (--this.#left > 0) return;
    this.#left = this.#chance.between(this.#least, this.#most);
    const how = this.#chance.between(0, 3);
    if (how === 0) this.cuts += this.#proxy.cutAll();
    else this.#cutLater(how === 1 ? 'down' : 'up').catch(assert.ifError);
  };

  async #cutLater(direction: ProxyDirection): Promise<void> {
    await this.#proxy.cutAfter(direction, this.#chance.between(1, 3000));
    this.cuts++;
  }
}

/** How a consumer acknowledges; `confirmed`: each message by itself, and what the broker has confirmed is remembered. */
export type Acknowledging = 'individual' | 'cumulative' | 'confirmed';

/** Takes messages and acknowledges them until the consumer is closed. @param note hears of each */
export async function consume(
  consumer: Consumer,
  receipts: Receipts,
  how: Acknowledging,
  note?: (message: Message) => void,
): Promise<void> {
  const acknowledging: Promise<unknown>[] = [];
  try {
    for (;;) {
      const message = await consumer.receive();
      const id = message.getMessageId();
      note?.(message);
      receipts.add(message.getData(), id);
      const written = how === 'cumulative' ? consumer.acknowledgeCumulative(message) : consumer.acknowledge(message);
      const confirmed = (): void => (how === 'confirmed' ? receipts.confirm(id) : undefined);
      // What could not be acknowledged comes again: that is counted.
      acknowledging.push(written.then(confirmed, () => undefined));
    }
  } catch (error) {
    if (!(error instanceof PulsarError) || error.code !== 'AlreadyClosed') throw error;
  }
  await Promise.all(acknowledging);
}

/** Takes messages until the reader is closed. */
export async function read(reader: Reader, receipts: Receipts): Promise<void> {
  try {
    for (;;) {
      const message = await reader.readNext();
      receipts.add(message.getData(), message.getMessageId());
    }
  } catch (error) {
    if (!(error instanceof PulsarError) || error.code !== 'AlreadyClosed') throw error;
  }
}
