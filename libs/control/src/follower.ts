import { setTimeout as delay } from 'node:timers/promises';

import type { LaneEntry, LaneTail, TailStart } from '@pharos/bus';
import type { LivingLog } from '@pharos/channels';
import { Backoff, Deferred } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

export interface FollowerOptions {
  readonly log: LivingLog;
  /** @default 0 */
  readonly lane?: number;
  /** Whose messages are wanted. @default everybody's */
  readonly channel?: string;
  /** Where to begin; in another life of the log it goes on at its beginning. */
  readonly start: TailStart;
  readonly logger: Logger;
  /** One message, with when it was written, in milliseconds since 1970. */
  readonly message: (data: Buffer, timeMs: number) => void;
  /** Messages are gone before they could be read. */
  readonly onLost: () => void;
}

/** Follows a lane of a topic for as long as it is not stopped, through the lives of it. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #stopping = new AbortController();
  #tail: LaneTail | undefined;
  #start: TailStart;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#start = options.start;
  }

  /** Resolves once everything that lay there has been told, or it is stopped. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff({ initialMs: 200, maxMs: 5_000 });
    while (!signal.aborted) {
      try {
        return await this.#attach();
      } catch (error) {
        this.#options.logger.warn(
          { err: error, topic: this.#options.log.topic },
          'a control topic can not be followed yet',
        );
        await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#tail?.close();
  }

  /** @throws BusError */
  async #attach(): Promise<void> {
    const { log, logger, onLost, lane = 0 } = this.#options;
    const life = await log.living();
    // Its end as it is now: of a tail that begins earlier nothing else says when it has come there.
    const end = this.#start.at === 'earliest' ? await life.attach(lane, { entry: () => undefined }) : undefined;
    await end?.close();
    const caughtUp = new Deferred();
    const state = { isOver: false };
    const tail = await life.attach(
      lane,
      {
        entry: (entry) => this.#entry(entry),
        turnEnd: () => {
          if (this.#tail !== undefined && this.#tail.head >= newest(this.#tail, end)) caughtUp.resolve();
        },
        hole: ({ kind, to }) => {
          if (kind === 'lost') onLost();
          if (this.#tail !== undefined && to >= newest(this.#tail, end)) caughtUp.resolve();
        },
        ended: (error) => {
          state.isOver = true;
          caughtUp.resolve();
          log.ended(life);
          this.#tail = undefined;
          if (this.#stopping.signal.aborted) return;
          logger.error({ err: error, topic: log.topic }, 'a control topic ended; following it anew');
          this.#start = { at: 'earliest' };
          void this.run();
        },
      },
      this.#start,
    );
    if (state.isOver) return;
    this.#tail = tail;
    if (this.#stopping.signal.aborted) return tail.close();
    if (tail.head >= newest(tail, end)) caughtUp.resolve();
    this.#stopping.signal.addEventListener('abort', () => caughtUp.resolve(), { once: true });
    await caughtUp.promise;
  }

  #entry(entry: LaneEntry): void {
    const cursor = entry.publications();
    while (cursor.next()) {
      if (this.#options.channel !== undefined && cursor.channel() !== this.#options.channel) continue;
      if (!cursor.readable() || (cursor.hasProperties && cursor.isMarker())) continue;
      this.#options.message(Buffer.from(cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd)), entry.publishTimeMs);
    }
  }
}

function newest(tail: LaneTail, end: LaneTail | undefined): number {
  return end?.newestAtAttach ?? tail.newestAtAttach;
}
