import { setTimeout as delay } from 'node:timers/promises';

import { heldBy } from '../../hostile/heap.ts';
import { sampleTarget, type Target } from '../target.ts';
import { type Growth, growthOf, type Point, troughsOf } from './growth.ts';

const mebibyte = 2 ** 20;
/** Of a run: the code is compiled, and what is bounded by time has become what it will be. */
const warmUpShare = 1 / 3;
/** Of what is judged, where garbage isn't collected for it: times whose least value counts. */
const troughs = 15;

/** Memory of all edges together over time, in MiB: what they hold, and what the system says that they have. */
export class MemoryWatch {
  readonly heap: Point[] = [];
  readonly rss: Point[] = [];
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Edges of a cluster of its own collect their garbage before each sample; of others what is read is what it is. Tells of each sample. */
  async run(seconds: number, everyMs: number, tell: (line: string) => void): Promise<void> {
    const begin = performance.now();
    while (performance.now() - begin < seconds * 1_000) {
      await delay(everyMs);
      const { heapBytes, rssBytes } = await this.#sample();
      const at = (performance.now() - begin) / 60_000;
      const [heap, rss] = [heapBytes / mebibyte, rssBytes / mebibyte];
      this.heap.push({ at, value: heap });
      this.rss.push({ at, value: rss });
      tell(`${at.toFixed(1)} min: ${heap.toFixed(1)} MiB of heap and buffers, ${rss.toFixed(1)} MiB resident`);
    }
  }

  async #sample(): Promise<{ readonly heapBytes: number; readonly rssBytes: number }> {
    const { rig } = this.#target;
    if (rig === undefined) return sampleTarget(this.#target);
    // One after the other: clients of both would wait at once.
    let [heapBytes, rssBytes] = [0, 0];
    for (const node of rig.of('edge')) {
      const held = await heldBy(node);
      heapBytes += held.heapBytes;
      rssBytes += held.rssBytes;
    }
    return { heapBytes, rssBytes };
  }
}

/** How memory grows after the warm-up. @param isCollected whether garbage was collected before each sample */
export function memoryGrowth(points: readonly Point[], isCollected: boolean): Growth & { readonly samples: number } {
  const judged = points.slice(Math.ceil(points.length * warmUpShare));
  return { ...growthOf(isCollected ? judged : troughsOf(judged, troughs)), samples: judged.length };
}
