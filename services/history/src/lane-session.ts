import { BusError, type LaneGroup, type LaneRerouter, type Log } from '@pharos/bus';
import { HistoryError, type HistoryStore, type LaneId } from '@pharos/history';
import type { Logger, Tracing } from '@pharos/telemetry';

import { traceBatch } from './batch-trace.ts';
import { type LaneBatch, laneBatch, type LaneChannels, type LimitsOf, type Misplaced } from './lane-batch.ts';
import { LaneFeed } from './lane-feed.ts';
import type { LaneProgress } from './lane-progress.ts';
import { keeps, type LaneStart, startLane } from './lane-start.ts';
import type { HistoryMetrics, RewindReason } from './metrics.ts';

export interface SessionParts {
  readonly log: Log;
  readonly lane: LaneId;
  readonly group: LaneGroup;
  readonly store: HistoryStore;
  /** Those with history in this log, in a fixed order; `limitsOf` has limits for their channels. */
  readonly namespaces: readonly string[];
  readonly limitsOf: LimitsOf;
  readonly queueBytes: number;
  /** How often an idle lane is looked for: until somebody finds that the store lost it, edges put off who was away for long. */
  readonly lookMs: number;
  readonly metrics: HistoryMetrics;
  readonly logger: Logger;
  readonly tracing?: Tracing;
  readonly progress: LaneProgress;
}

/** The store stands elsewhere than the writer thought: it is to be read again from there. */
export class Rewind extends Error {
  readonly reason: RewindReason;

  constructor(reason: RewindReason, message: string) {
    super(message);
    this.name = 'Rewind';
    this.reason = reason;
  }
}

// A script keeps Redis from everybody else: so much takes it a few milliseconds.
const maxBatchMessages = 500;
const maxBatchBytes = 1024 * 1024;
/** Batches under way at once: enough to hide the way to the store. */
const maxUnderWay = 4;
const rerouteDeadlineMs = 30_000;
/** Brings a lane into the store from where that stands, until told to stop or something goes wrong: then another one begins. */
export class LaneSession {
  readonly #parts: SessionParts;
  readonly #feed: LaneFeed;
  readonly #channels: LaneChannels;
  readonly #underWay = new Set<Promise<void>>();
  #rerouter: LaneRerouter | undefined;
  #failure: Error | undefined;
  #wrote = false;
  /** What the store has surely had. */
  #written = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { log, lane, limitsOf } = parts;
    this.#channels = { limitsOf, isHome: (channel) => log.laneOf(channel) === lane.lane };
    this.#feed = new LaneFeed({
      maxBytes: parts.queueBytes,
      onEntry: (entry) => parts.progress.saw(entry),
      onLost: (count) => this.#lost(count),
    });
  }

  /** Whether anything was brought into the store: then what went wrong is not what went wrong before. */
  get wrote(): boolean {
    return this.#wrote;
  }

  /** Resolves after the signal, when what was under way is settled. @throws Rewind, BusError, HistoryError */
  async run(signal: AbortSignal): Promise<void> {
    const start = await startLane(this.#parts, this.#feed);
    this.#written = start.watermark;
    const looking = setInterval(() => void this.#look(), this.#parts.lookMs);
    try {
      this.#begun(start);
      await this.#bring(start, signal);
    } finally {
      clearInterval(looking);
      await Promise.all(this.#underWay);
      await start.tail.close();
      await this.#rerouter?.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #begun({ tail, watermark, lost, rebuilt }: LaneStart): void {
    const { lane, logger, metrics, progress } = this.#parts;
    if (lost > 0) this.#lost(lost);
    this.#feed.follow(tail);
    progress.begins(watermark, tail.newestAtAttach);
    const detail = { log: lane.log, lane: lane.lane, watermark };
    if (rebuilt === undefined) logger.info(detail, 'a lane is brought into the store from its watermark on');
    else {
      metrics.rebuilds.inc({ reason: rebuilt });
      // Nothing was lost where nothing is there yet: so it is at each first start.
      if (tail.newestAtAttach === 0) logger.info(detail, 'a new lane is brought into the store');
      else
        logger.warn(
          { ...detail, reason: rebuilt },
          'a lane is brought into the store anew, from the oldest message on',
        );
    }
  }

  async #bring(start: LaneStart, signal: AbortSignal): Promise<void> {
    let previous = start.watermark;
    for (;;) {
      await this.#feed.ready(signal);
      if (signal.aborted) return;
      const taken = laneBatch(this.#feed.take(maxBatchBytes, maxBatchMessages), previous, this.#channels);
      // Before the watermark passes them: whoever takes over begins there.
      await this.#reroute(taken.misplaced.filter(({ position }) => !start.isDone(position)));
      while (this.#underWay.size >= maxUnderWay) await Promise.race(this.#underWay);
      if (this.#failure !== undefined) throw this.#failure;
      this.#write(taken);
      previous = taken.batch.watermark;
    }
  }

  #write(taken: LaneBatch): void {
    const written = this.#append(taken)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#underWay.delete(written));
    this.#underWay.add(written);
  }

  async #append({ batch, kinds }: LaneBatch): Promise<void> {
    const { store, lane, namespaces, metrics, progress, tracing } = this.#parts;
    const took = metrics.appendSeconds.startTimer();
    const traced = tracing === undefined ? undefined : traceBatch(tracing, lane.log, batch.entries);
    const outcome = await store.append(lane, { ...batch, namespaces: keeps(namespaces) }).catch((error: unknown) => {
      traced?.(error);
      metrics.batches.inc({ outcome: 'failed' });
      throw error;
    });
    took();
    traced?.();
    // Written by an attempt whose answer was lost, or by another writer of the same log.
    const isThere = outcome.written || (outcome.watermark ?? -1) >= batch.watermark;
    metrics.batches.inc({ outcome: outcome.written ? 'written' : 'refused' });
    if (!isThere) throw refusal(batch.previous, outcome.watermark);
    this.#wrote = true;
    this.#written = Math.max(this.#written, batch.watermark);
    progress.wrote(batch.watermark);
    for (const [kind, count] of kinds) metrics.messages.inc({ kind }, count);
    this.#acknowledge(batch.position);
  }

  /** A store that was emptied, or lost writes, says so when it is written to; an idle lane would wait for that. */
  async #look(): Promise<void> {
    const { store, lane } = this.#parts;
    const written = this.#written;
    try {
      const state = await store.state(lane);
      if (state === undefined || state.watermark < written) this.#fail(refusal(written, state?.watermark));
    } catch {
      // What is written next will tell.
    }
  }

  #acknowledge(position: string): void {
    const { group, lane, logger } = this.#parts;
    group.ackThrough(lane.lane, position).catch((error: unknown) => {
      // The next one makes up for it; until then the log keeps a little more than it must.
      logger.debug({ err: error, log: lane.log, lane: lane.lane }, 'a lane could not be acknowledged');
    });
  }

  async #reroute(misplaced: readonly Misplaced[]): Promise<void> {
    if (misplaced.length === 0) return;
    const { log, lane, logger, metrics } = this.#parts;
    const rerouter = (this.#rerouter ??= log.rerouter(lane.lane));
    const outcomes = await Promise.allSettled(
      misplaced.map(({ offset, publication }) => rerouter.append(offset, publication, rerouteDeadlineMs)),
    );
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') metrics.rerouted.inc({ outcome: 'appended' });
      else if (!isTooLarge(outcome.reason)) throw outcome.reason;
      else {
        metrics.rerouted.inc({ outcome: 'too_large' });
        const offset = misplaced[index]?.offset;
        logger.error(
          { err: outcome.reason as Error, log: lane.log, lane: lane.lane, offset },
          'a misplaced message does not fit into the log with its key: nobody will get it',
        );
      }
    }
  }

  #lost(count: number): void {
    const { lane, logger, metrics } = this.#parts;
    metrics.lost.inc(count);
    logger.warn({ log: lane.log, lane: lane.lane, count }, 'messages were gone before they were in the store');
  }

  #fail(error: unknown): void {
    const failure = error instanceof Error ? error : new HistoryError('failed', String(error));
    this.#failure ??= failure;
    this.#feed.fail(failure);
  }
}

function refusal(previous: number, watermark: number | undefined): Rewind {
  if (watermark === undefined) return new Rewind('emptied', 'the store has nothing of the lane any more');
  const where = `the store stands at ${watermark}, not at ${previous}`;
  return watermark < previous
    ? new Rewind('rolled_back', `${where}: it lost writes`)
    : new Rewind('overtaken', `${where}: another process writes the lane`);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof BusError && error.code === 'too-large';
}
