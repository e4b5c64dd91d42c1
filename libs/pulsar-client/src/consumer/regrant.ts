import { type Flow, underWayMs } from './flow.ts';

/**
 * Looks once more whether something may be granted: what was believed to be under way turns out not to be with time alone,
 * when nothing arrives and an application that is busy elsewhere takes nothing.
 */
export class Regrant {
  readonly #flow: Flow;
  readonly #grant: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(flow: Flow, grant: () => void) {
    this.#flow = flow;
    this.#grant = grant;
  }

  /** Nothing was granted. */
  arm(): void {
    if (this.#timer !== undefined || !this.#flow.waitsForNothing) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#grant();
    }, underWayMs);
    this.#timer.unref();
  }

  forget(): void {
    clearTimeout(this.#timer);
  }
}
