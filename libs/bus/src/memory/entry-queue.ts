import type { StoredEntry } from './stored-entry.ts';

// Below this many dead slots at the front moving the rest isn't worth it.
const minDeadSlots = 1024;

/** Entries by number, oldest first; dropping the oldest takes constant time on average, however long the queue is. */
export class EntryQueue {
  #slots: (StoredEntry | undefined)[] = [];
  #dead = 0;
  #first = 0;

  /** Number of the oldest entry; `end` where there is none. */
  get first(): number {
    return this.#first;
  }

  /** One past the number of the newest. */
  get end(): number {
    return this.#first + this.#slots.length - this.#dead;
  }

  oldest(): StoredEntry | undefined {
    return this.#slots[this.#dead];
  }

  at(sequence: number): StoredEntry | undefined {
    return sequence < this.#first ? undefined : this.#slots[sequence - this.#first + this.#dead];
  }

  push(entry: StoredEntry): void {
    this.#slots.push(entry);
  }

  shift(): StoredEntry | undefined {
    const entry = this.#slots[this.#dead];
    if (entry === undefined) return undefined;
    this.#slots[this.#dead] = undefined;
    this.#dead++;
    this.#first++;
    if (this.#dead >= minDeadSlots && this.#dead * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#dead);
      this.#dead = 0;
    }
    return entry;
  }
}
