// Hot path: one of these waits with each entry for its receipt.
import type { PulsarError } from '../errors.ts';
import { MessageId } from '../message-id.ts';
import type { Outgoing, Resolve } from './outgoing.ts';

/**
 * What is left of an entry's messages once its frame is made: the promises that were given for them, and what they count for in
 * bounds. Tens of thousands wait at a time, and the collector copies all that does: so neither data nor an object for each.
 */
export class Outcomes {
  /** See `weightOf`; of all together. */
  readonly bytes: number;
  /** One function of each promise, and not two: it can reject as well. */
  readonly #resolves: Resolve[] = [];

  constructor(messages: readonly Outgoing[]) {
    let bytes = 0;
    for (const { weight, resolve } of messages) {
      bytes += weight;
      this.#resolves.push(resolve);
    }
    this.bytes = bytes;
  }

  get count(): number {
    return this.#resolves.length;
  }

  /** The broker has the entry: each message is told where it lies. */
  acknowledge(ledgerId: bigint, entryId: bigint, partition: number): void {
    const { count } = this;
    const batchSize = count > 1 ? count : 0;
    for (let index = 0; index < count; index++) {
      const batchIndex = batchSize > 0 ? index : -1;
      this.#resolves[index]?.(new MessageId(ledgerId, entryId, partition, batchIndex, batchSize));
    }
  }

  fail(reason: PulsarError): void {
    for (const resolve of this.#resolves) resolve(Promise.reject(reason));
  }
}
