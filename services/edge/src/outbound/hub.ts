import type { LivingLog } from '../living-log.ts';
import { type FeedContext, LaneFeed } from './lane-feed.ts';

/** All lanes that this edge follows, made when they are first asked for. */
export class Hub {
  readonly #context: FeedContext;
  readonly #feeds = new Map<LivingLog, (LaneFeed | undefined)[]>();

  constructor(context: FeedContext) {
    this.#context = context;
  }

  /** The feed of the lane that the channel lives in. */
  feedOf(log: LivingLog, channel: string): LaneFeed {
    const lane = log.laneOf(channel);
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

  async close(): Promise<void> {
    const feeds = [...this.#feeds.values()].flat().filter((feed) => feed !== undefined);
    await Promise.all(feeds.map((feed) => feed.close()));
  }
}
