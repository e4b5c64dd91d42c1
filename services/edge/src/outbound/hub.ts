import type { LivingLog } from '@pharos/channels';
import { type FeedContext, LaneFeed } from './lane-feed.ts';

/** Each reads from the broker what it takes to fill a ring. */
const warmedAtOnce = 16;

/** All lanes that this edge follows, made when they are first asked for. */
export class Hub {
  readonly #context: FeedContext;
  readonly #feeds = new Map<LivingLog, (LaneFeed | undefined)[]>();

  constructor(context: FeedContext) {
    this.#context = context;
  }

  /** The feed of the lane that the channel lives in. */
  feedOf(log: LivingLog, channel: string): LaneFeed {
    return this.#feed(log, log.laneOf(channel));
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

  async close(): Promise<void> {
    const feeds = [...this.#feeds.values()].flat().filter((feed) => feed !== undefined);
    await Promise.all(feeds.map((feed) => feed.close()));
  }

  #feed(log: LivingLog, lane: number): LaneFeed {
    let feeds = this.#feeds.get(log);
    if (feeds === undefined) {
      feeds = new Array<LaneFeed | undefined>(log.lanes);
      this.#feeds.set(log, feeds);
    }
    let feed = feeds[lane];
    if (feed === undefined) {
      feed = new LaneFeed(log, lane, this.#context);
      feeds[lane] = feed;
    }
    return feed;
  }
}
