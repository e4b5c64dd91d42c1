import { setTimeout as delay } from 'node:timers/promises';

import { BusError } from '@pharos/bus';
import { HistoryError } from '@pharos/history';
import { Backoff, Deferred } from '@pharos/lifecycle';

import { LaneProgress } from './lane-progress.ts';
import { LaneSession, Rewind, type SessionParts } from './lane-session.ts';
import type { Lag } from './metrics.ts';

export interface WorkerParts extends Omit<SessionParts, 'progress'> {
  /** The log's life is over. */
  readonly onEnded: () => void;
}

const tidyMs = 60_000;

/** Brings one lane into the store while this process is its active one. */
export class LaneWorker {
  readonly #parts: WorkerParts;
  readonly #progress = new LaneProgress();
  readonly #running: Promise<void>;
  #active = false;
  #stopped = false;
  /** Ends what is being done; another one for each time that it is active. */
  #turn = new AbortController();
  #news = new Deferred();

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  /** Undefined where another process has the lane. */
  get lag(): Lag | undefined {
    return this.#active ? this.#progress.lag(Date.now()) : undefined;
  }

  setActive(active: boolean): void {
    if (this.#active === active || this.#stopped) return;
    this.#active = active;
    if (active) this.#turn = new AbortController();
    else this.#turn.abort();
    this.#news.resolve();
  }

  /** Resolves when what was under way is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#active = false;
    this.#turn.abort();
    this.#news.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#news = new Deferred();
      if (this.#active) await this.#work(this.#turn.signal);
      else await this.#news.promise;
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 50, maxMs: 5_000 });
    const tidying = setInterval(() => this.#tidy(), tidyMs);
    try {
      while (!signal.aborted) {
        const session = new LaneSession({ ...this.#parts, progress: this.#progress });
        try {
          await session.run(signal);
        } catch (error) {
          if (session.wrote) backoff.reset();
          await this.#pause(error, backoff.next(), signal);
        }
      }
    } finally {
      clearInterval(tidying);
    }
  }

  async #pause(reason: unknown, delayMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#tell(reason, delayMs);
    await delay(delayMs, undefined, { signal }).catch(() => undefined);
  }

  #tell(error: unknown, delayMs: number): void {
    const { lane, logger, metrics, onEnded } = this.#parts;
    const detail = { err: error as Error, log: lane.log, lane: lane.lane, delayMs };
    if (error instanceof Rewind) {
      metrics.rewinds.inc({ reason: error.reason });
      logger.warn(detail, 'a lane is read again from where the store stands');
    } else if (error instanceof HistoryError) {
      metrics.rewinds.inc({ reason: 'store' });
      metrics.storeErrors.inc({ code: error.code });
      logger.warn(detail, 'the store failed; a lane waits');
    } else {
      metrics.rewinds.inc({ reason: 'log' });
      logger.warn(detail, 'a lane can not be read; it is tried again');
      if (error instanceof BusError && error.code === 'log-ended') onEnded();
    }
  }

  #tidy(): void {
    const { lane, logger, metrics, store } = this.#parts;
    store.tidy(lane).catch((error: unknown) => {
      metrics.storeErrors.inc({ code: error instanceof HistoryError ? error.code : 'failed' });
      logger.debug({ err: error, log: lane.log, lane: lane.lane }, 'a lane could not be tidied');
    });
  }
}
