import type { MessageId } from '../message-id.ts';

/** How often an entry may come damaged before it is taken to be so where it lies. */
export const maxDamagedReads = 3;

/** Counts how often the same entry came damaged in a row. */
export class DamagedReads {
  #id = '';
  #times = 0;

  count(messageId: MessageId): number {
    const id = messageId.toString();
    this.#times = id === this.#id ? this.#times + 1 : 1;
    this.#id = id;
    return this.#times;
  }
}
