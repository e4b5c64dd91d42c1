import { BusError } from '@pharos/bus';
import { Backoff, Deferred } from '@pharos/lifecycle';

import type { LivingLog } from '../living-log.ts';
import { encodeLifecycleEvent, type LifecycleEvent } from './event.ts';

export interface LifecyclePublisherOptions {
  /** How long one append may wait for the log. */
  readonly deadlineMs: number;
  /** An event is in its log. */
  readonly onPublished: (event: LifecycleEvent) => void;
  /** An append failed; it is tried again unless it never can succeed. */
  readonly onError: (error: BusError) => void;
}

/** An event on its way. */
export interface Publishing {
  /** Resolves when the event is in its log durably. Rejects (BusError) where it never will be: too large, or stopped. */
  readonly done: Promise<void>;
  /** Takes the event back, if nothing of it can be in the log: then `done` resolves, and true is answered. */
  withdraw(): boolean;
}

interface Waiting {
  readonly log: LivingLog;
  readonly event: LifecycleEvent;
  readonly done: Deferred<void>;
  attempted: boolean;
}

/** Appends under way at once: what waits longer waits here, where it can still be withdrawn. */
const maxUnderWay = 1_000;
const final: ReadonlySet<string> = new Set(['too-large', 'closed', 'invalid-topic']);

/**
 * Brings joins and leaves into their logs, each until it is there: through an outage one at a time tries whether the log is back. An event may be
 * written twice, under its id. What waits is bounded by who waits: a join that is over before it was tried is withdrawn, so each
 * member has one event here at most, and one more that was under way when the outage began.
 */
export class LifecyclePublisher {
  readonly #options: LifecyclePublisherOptions;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 5_000 });
  readonly #waiting = new Set<Waiting>();
  /** Failed once: they go first. */
  #again: Waiting[] = [];
  #underWay = 0;
  #failing = false;
  #pause: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LifecyclePublisherOptions) {
    this.#options = options;
  }

  /** Events that are not in their logs yet. */
  get waiting(): number {
    return this.#waiting.size + this.#again.length + this.#underWay;
  }

  publish(log: LivingLog, event: LifecycleEvent): Publishing {
    const waiting: Waiting = { log, event, done: new Deferred<void>(), attempted: false };
    // Who doesn't look at it must not bring the process down.
    waiting.done.promise.catch(() => undefined);
    if (this.#stopped) waiting.done.reject(stopped());
    else this.#waiting.add(waiting);
    this.#go();
    return { done: waiting.done.promise, withdraw: () => this.#withdraw(waiting) };
  }

  /** What is not in its log yet is given up. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#pause);
    for (const { done } of [...this.#again, ...this.#waiting]) done.reject(stopped());
    this.#again = [];
    this.#waiting.clear();
  }

  #withdraw(waiting: Waiting): boolean {
    if (waiting.attempted || !this.#waiting.delete(waiting)) return false;
    waiting.done.resolve();
    return true;
  }

  #go(): void {
    while (!this.#stopped && this.#pause === undefined && this.#underWay < (this.#failing ? 1 : maxUnderWay)) {
      const [oldest] = this.#again.length > 0 ? this.#again.splice(0, 1) : this.#waiting;
      if (oldest === undefined) return;
      this.#waiting.delete(oldest);
      void this.#append(oldest);
    }
  }

  async #append(waiting: Waiting): Promise<void> {
    const { log, event, done } = waiting;
    waiting.attempted = true;
    this.#underWay++;
    try {
      await log.append(encodeLifecycleEvent(event), this.#options.deadlineMs);
      this.#failing = false;
      this.#backoff.reset();
      this.#options.onPublished(event);
      done.resolve();
    } catch (error) {
      this.#failed(waiting, error);
    } finally {
      this.#underWay--;
      this.#go();
    }
  }

  #failed(waiting: Waiting, error: unknown): void {
    const failure = error instanceof BusError ? error : new BusError('refused', 'publishing failed', { cause: error });
    this.#options.onError(failure);
    if (this.#stopped || final.has(failure.code)) return waiting.done.reject(failure);
    this.#again.push(waiting);
    this.#failing = true;
    if (this.#pause !== undefined) return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#go();
    }, this.#backoff.next());
  }
}

function stopped(): BusError {
  return new BusError('closed', 'the publisher of joins and leaves was stopped');
}
