/**
 * Back-to-back with a seek: until the broker has said that the subscription is at its new place, nothing may come from there,
 * for it would be taken for a message of the old place and acknowledged; nor may what is acknowledged meanwhile, which is of
 * the old place, count at the new one. The partitions of a consumer wait for each other.
 */
export class Held {
  readonly #before: () => void;
  readonly #after: () => void;
  #holders = 0;

  /** @param before what is known to be of the old place goes @param after all goes on */
  constructor(before: () => void, after: () => void) {
    this.#before = before;
    this.#after = after;
  }

  get now(): boolean {
    return this.#holders > 0;
  }

  hold(): void {
    if (this.#holders === 0) this.#before();
    this.#holders++;
  }

  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.#after();
  }
}
