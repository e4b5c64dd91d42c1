import type { Tally } from '../measure/tally.ts';

/** More says nothing new, and a run that has lost so much is void anyway. */
const maxMissing = 10_000;

/** What one client has seen of one publisher's numbers. */
export class Sequence {
  #last: number;
  #isTold = false;
  readonly #missing = new Set<number>();

  /** @param last the number before the first that is to come */
  constructor(last: number) {
    this.#last = last;
  }

  take(number: number, tally: Tally): void {
    if (this.#isTold) {
      this.#isTold = false;
      this.#last = Math.max(this.#last, number);
    } else if (number > this.#last) {
      for (let missed = this.#last + 1; missed < number && this.#missing.size < maxMissing; missed++) {
        this.#missing.add(missed);
      }
      tally.count('gaps', number - this.#last - 1);
      this.#last = number;
    } else if (this.#missing.delete(number)) {
      tally.count('gaps', -1);
      tally.count('disordered');
    } else {
      tally.count('twice');
    }
  }

  /** The client was told that it wasn't recovered: what it missed is no gap. */
  told(): void {
    this.#isTold = true;
  }

  /** How many up to `acknowledged` haven't come, gaps not counted again. */
  behind(acknowledged: number): number {
    return this.#isTold ? 0 : Math.max(0, acknowledged - this.#last);
  }

  /** Gaps that are none, because nobody knows whether those were published. */
  excuse(numbers: readonly number[], tally: Tally): void {
    for (const number of numbers) if (this.#missing.delete(number)) tally.count('gaps', -1);
  }
}
