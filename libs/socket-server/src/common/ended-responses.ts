import { Emptiness } from './emptiness.ts';

const SWEEP_MS = 500;

/** A streamed response that its owner has ended. */
export interface EndedResponse {
  abort(): void;
}

/**
 * Streamed responses that were ended while their readers still owed them reads: what a slow reader can hold after the end is
 * bounded in time, by one timer for all of them.
 */
export class EndedResponses {
  readonly #timeoutMs: number;
  readonly #deadlines = new Map<EndedResponse, number>();
  readonly #emptiness = new Emptiness(this.#deadlines);
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(response: EndedResponse): void {
    this.#deadlines.set(response, performance.now() + this.#timeoutMs);
    this.#timer ??= setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#timeoutMs));
  }

  /** It is out, or its reader has gone. */
  delete(response: EndedResponse): void {
    if (!this.#deadlines.delete(response)) return;
    if (this.#deadlines.size === 0) this.stop();
    this.#emptiness.check();
  }

  /** Resolves when none is left. */
  flushed(): Promise<void> {
    return this.#emptiness.reached();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [response, deadlineMs] of this.#deadlines) if (deadlineMs <= nowMs) response.abort();
  }
}
