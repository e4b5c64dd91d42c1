import { javaStringHash } from '@pharos/bytes';
import { BusError } from '../errors.ts';
import type { LaneRerouter, NewPublication } from '../port.ts';
import type { MemoryLane } from './memory-lane.ts';

/** What a lane remembers of one rerouter that brings messages into it, as a broker does of a producer. */
export interface Rerouted {
  /** The highest offset, in the lane where it lay, that is here. */
  through: number;
  /** Under way, by that offset. */
  readonly pending: Map<number, Promise<unknown>>;
}

export interface MemoryRerouterParts {
  readonly topic: string;
  readonly lane: number;
  readonly lanes: readonly MemoryLane[];
}

export class MemoryRerouter implements LaneRerouter {
  readonly #parts: MemoryRerouterParts;
  #closed = false;

  constructor(parts: MemoryRerouterParts) {
    this.#parts = parts;
  }

  async append(offset: number, publication: NewPublication, deadlineMs: number): Promise<void> {
    const { topic, lane, lanes } = this.#parts;
    if (this.#closed) throw new BusError('closed', `the rerouter of lane ${lane} of '${topic}' was closed`);
    const target = lanes[javaStringHash(publication.channel) % lanes.length] as MemoryLane;
    const rerouted = target.reroutedFrom(lane);
    if (offset <= rerouted.through) return;
    let written = rerouted.pending.get(offset);
    if (written === undefined) {
      const message = {
        key: publication.channel,
        data: Buffer.from(publication.data),
        properties: { ...publication.properties },
      };
      written = target
        .append(message, deadlineMs)
        .then(() => (rerouted.through = Math.max(rerouted.through, offset)))
        .finally(() => rerouted.pending.delete(offset));
      rerouted.pending.set(offset, written);
    }
    await written;
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
