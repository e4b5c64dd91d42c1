import type { LivingLog } from '@pharos/channels';

import { LaneWatch, type LaneWatchContext } from './lane-watch.ts';

/** All lanes that the API follows, made when they are first asked for. */
export class LaneWatches {
  readonly #context: LaneWatchContext;
  readonly #watches = new Map<LivingLog, Map<number, LaneWatch>>();

  constructor(context: LaneWatchContext) {
    this.#context = context;
  }

  /** Of the lane that the channel lives in. */
  of(log: LivingLog, channel: string): LaneWatch {
    let ofLog = this.#watches.get(log);
    if (ofLog === undefined) {
      ofLog = new Map();
      this.#watches.set(log, ofLog);
    }
    const lane = log.laneOf(channel);
    let watch = ofLog.get(lane);
    if (watch === undefined) {
      watch = new LaneWatch(log, lane, this.#context);
      ofLog.set(lane, watch);
    }
    return watch;
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#watches.values()].flatMap((ofLog) => [...ofLog.values()]).map((watch) => watch.close()),
    );
  }
}
