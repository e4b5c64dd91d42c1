import { setTimeout as delay } from 'node:timers/promises';

import type { Log } from '@pharos/bus';
import type { LivingLog } from '@pharos/channels';
import type { HistoryStore } from '@pharos/history';
import { Backoff, Deferred } from '@pharos/lifecycle';
import type { Logger, Tracing } from '@pharos/telemetry';

import type { LimitsOf } from './lane-batch.ts';
import { LaneWorker } from './lane-worker.ts';
import type { HistoryMetrics, Lag } from './metrics.ts';

/** The name of the group, and so of the durable subscription of each lane. */
export const groupName = 'pharos-history';

export interface LogWorkerParts {
  readonly log: LivingLog;
  /** Name of this process among the members of the group. */
  readonly member: string;
  readonly store: HistoryStore;
  /** Those with history in this log, in a fixed order. */
  readonly namespaces: readonly string[];
  readonly limitsOf: LimitsOf;
  /** What may wait for the store, of one lane. */
  readonly queueBytes: number;
  /** How often an idle lane is looked for in the store. */
  readonly lookMs: number;
  readonly metrics: HistoryMetrics;
  readonly logger: Logger;
  readonly tracing?: Tracing;
}

/** How often a log that can't be kept is looked at again. */
const lookAgainMs = 30_000;

/** Takes part in bringing a log into the store, through the lives of its topic. */
export class LogWorker {
  readonly #parts: LogWorkerParts;
  readonly #stopping = new AbortController();
  #lanes: readonly LaneWorker[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(parts: LogWorkerParts) {
    this.#parts = parts;
  }

  get topic(): string {
    return this.#parts.log.topic;
  }

  get lanes(): number {
    return this.#parts.log.lanes;
  }

  /** Of the lanes that this process is active in. */
  get lags(): Lag[] {
    return this.#lanes.flatMap(({ lag }) => (lag === undefined ? [] : [lag]));
  }

  run(): void {
    this.#running = this.#run();
  }

  /** Settles what is under way, then leaves, so that others take over at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log, logger } = this.#parts;
    const { signal } = this.#stopping;
    const backoff = new Backoff({ initialMs: 200, maxMs: 10_000 });
    while (!signal.aborted) {
      try {
        const life = await log.living();
        if (life.epoch === '') {
          logger.error(
            { log: log.topic },
            'a log has no epoch: its history can not be kept, nor misplaced messages be brought to their lanes',
          );
          log.ended(life);
          await delay(lookAgainMs, undefined, { signal });
          continue;
        }
        await this.#live(life);
        log.ended(life);
        backoff.reset();
      } catch (error) {
        await this.#pause(error, backoff.next());
      }
    }
  }

  async #pause(reason: unknown, delayMs: number): Promise<void> {
    const { log, logger } = this.#parts;
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    logger.warn({ err: reason, log: log.topic, delayMs }, 'a log can not be followed yet');
    await delay(delayMs, undefined, { signal }).catch(() => undefined);
  }

  /** Resolves when the life is over, or this is to stop. */
  async #live(life: Log): Promise<void> {
    const { member, logger } = this.#parts;
    const over = new Deferred();
    const active = new Set<number>();
    let lanes: readonly LaneWorker[] = [];
    const group = await life.joinGroup(
      { group: groupName, member },
      {
        active: (lane, isActive) => {
          if (isActive) active.add(lane);
          else active.delete(lane);
          lanes[lane]?.setActive(isActive);
        },
        ended: (error) => {
          logger.warn({ err: error, log: life.topic }, 'the group of a log ended');
          over.resolve();
        },
      },
    );
    lanes = Array.from({ length: life.lanes }, (_value, lane) => {
      const { store, namespaces, limitsOf, queueBytes, lookMs, metrics, tracing } = this.#parts;
      const id = { log: life.topic, epoch: life.epoch, lane };
      const onEnded = (): void => over.resolve();
      return new LaneWorker({
        log: life,
        lane: id,
        group,
        store,
        namespaces,
        limitsOf,
        queueBytes,
        lookMs,
        metrics,
        logger,
        ...(tracing === undefined ? {} : { tracing }),
        onEnded,
      });
    });
    this.#lanes = lanes;
    for (const lane of active) lanes[lane]?.setActive(true);
    const stop = (): void => over.resolve();
    this.#stopping.signal.addEventListener('abort', stop);
    if (this.#stopping.signal.aborted) stop();
    await over.promise;
    this.#stopping.signal.removeEventListener('abort', stop);
    await Promise.all(lanes.map((lane) => lane.stop()));
    this.#lanes = [];
    await group.close();
    await life.close();
  }
}
