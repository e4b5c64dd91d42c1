import type { LivingLog } from '@pharos/channels';
import type { Unrecoverable } from '../metrics.ts';
import { Gate } from './gate.ts';
import { type FeedContext, LaneFeed } from './lane-feed.ts';
import type { LiveChannel } from './live-channel.ts';
import { LifecycleFeed } from './lifecycle-feed.ts';

/** Each reads from the broker what it takes to fill a ring. */
const warmedAtOnce = 16;
/** Pages of history that are asked of the store at once: it has others to serve. */
const pageLimits = { maxRunning: 64, maxWaiting: 10_000 };

/** All lanes that this edge follows, made when they are first asked for. */
export class Hub {
  readonly #context: FeedContext;
  readonly #feeds = new Map<LivingLog, (LaneFeed | undefined)[]>();
  readonly #lifecycleFeeds = new Map<LivingLog, (LifecycleFeed | undefined)[]>();

  constructor(context: FeedContext) {
    this.#context = { ...context, pages: new Gate('the history store', pageLimits) };
    context.metrics.readUnrecoverable = () => this.#unrecoverable();
  }

  /** The feed of the lane that the channel lives in. */
  feedOf(log: LivingLog, channel: string): LaneFeed {
    return this.#feed(log, log.laneOf(channel));
  }

  /** The feed of joins and leaves that the channel's are in. @param log the lifecycle topic of the channel's log */
  lifecycleFeedOf(log: LivingLog, channel: string): LifecycleFeed {
    return made(this.#lifecycleFeeds, log, log.laneOf(channel), (lane) => new LifecycleFeed(log, lane, this.#context));
  }

  /**
   * Attaches every lane of the logs, so that clients which come at once find them warm and can resume. Never rejects: a lane
   * that can't be had now, or in time, is attached when it is asked for.
   *
   * @param timeoutMs for all of them
   */
  async warm(logs: Iterable<LivingLog>, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const lanes = [...logs].flatMap((log) => Array.from({ length: log.lanes }, (_, lane) => this.#feed(log, lane)));
    const next = lanes.values();
    const warmOne = async (): Promise<void> => {
      for (const feed of next) {
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) return;
        await feed.ready(leftMs).catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: warmedAtOnce }, warmOne));
  }

  /** Lanes of logs that have rings now begin theirs, where they are followed already. */
  beginRings(): void {
    for (const ofLog of this.#feeds.values()) for (const feed of ofLog) feed?.beginRing();
  }

  /** Every channel that has a subscriber here. */
  *channels(): IterableIterator<LiveChannel> {
    for (const ofLog of this.#feeds.values()) for (const feed of ofLog) if (feed !== undefined) yield* feed.channels();
  }

  async close(): Promise<void> {
    const feeds = [...this.#feeds.values(), ...this.#lifecycleFeeds.values()].flat();
    await Promise.all(feeds.filter((feed) => feed !== undefined).map((feed) => feed.close()));
  }

  #unrecoverable(): Record<Unrecoverable, number> {
    const lanes = { offsets: 0, epoch: 0 };
    for (const ofLog of this.#feeds.values()) {
      for (const feed of ofLog) {
        const reason = feed?.unrecoverable;
        if (reason !== undefined) lanes[reason]++;
      }
    }
    return lanes;
  }

  #feed(log: LivingLog, lane: number): LaneFeed {
    return made(this.#feeds, log, lane, () => new LaneFeed(log, lane, this.#context));
  }
}

/** What there is for a lane of a log, made where there is nothing yet. */
function made<T>(all: Map<LivingLog, (T | undefined)[]>, log: LivingLog, lane: number, make: (lane: number) => T): T {
  let ofLog = all.get(log);
  if (ofLog === undefined) {
    ofLog = new Array<T | undefined>(log.lanes);
    all.set(log, ofLog);
  }
  return (ofLog[lane] ??= make(lane));
}
