import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * What both halves of connections without a socket have for each other, in its order. It is handed over in a turn of the event
 * loop of its own, as what comes by a socket is: nobody is called back from inside a call that he makes.
 */
export class Turns {
  #waiting: (() => void)[] = [];
  #turn: Promise<void> | undefined;

  add(work: () => void): void {
    this.#waiting.push(work);
    this.#turn ??= this.#next();
  }

  /** Resolves when what waits now has been handed over. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async #next(): Promise<void> {
    await nextTurn();
    const due = this.#waiting;
    this.#waiting = [];
    this.#turn = undefined;
    for (const work of due) work();
  }
}
