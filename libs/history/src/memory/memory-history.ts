import { checkBatch, checkFloor, checkQuery, checkQuestion } from '../checks.ts';
import { HistoryError } from '../errors.ts';
import { has } from '../namespaces.ts';
import type {
  Batch,
  Clock,
  HistoryPage,
  HistoryQuery,
  HistoryStore,
  LaneId,
  LaneState,
  Question,
  Recovery,
  StoredLane,
  WriteOutcome,
} from '../port.ts';
import { MemoryChannel } from './memory-channel.ts';
import { MemoryLane } from './memory-lane.ts';

export interface MemoryHistoryOptions {
  /** Bytes of data after which a page of history ends. @default 4194304 */
  readonly maxPageBytes?: number;
  /** Injected in tests. @default Date.now */
  readonly now?: Clock;
}

/** The history store of one process; it ends with it. */
export class MemoryHistory implements HistoryStore {
  readonly kind = 'memory';
  readonly #lanes = new Map<string, MemoryLane>();
  readonly #maxPageBytes: number;
  readonly #now: Clock;
  #closed = false;

  constructor(options: MemoryHistoryOptions = {}) {
    this.#maxPageBytes = options.maxPageBytes ?? 4 * 1024 * 1024;
    this.#now = options.now ?? Date.now;
  }

  state(lane: LaneId): Promise<StoredLane | undefined> {
    return this.#run(() => this.#lane(lane)?.stored);
  }

  append(lane: LaneId, batch: Batch): Promise<WriteOutcome> {
    return this.#run(() => {
      checkBatch(batch);
      return this.#lane(lane)?.append(batch, this.#now()) ?? { written: false, watermark: undefined };
    });
  }

  rebuild(
    lane: LaneId,
    floor: number,
    previous: number | undefined,
    namespaces?: readonly string[],
  ): Promise<WriteOutcome> {
    return this.#run(() => {
      checkFloor(floor, previous);
      const watermark = this.#lane(lane)?.state.watermark;
      if (watermark !== previous) return { written: false, watermark };
      const fresh = new MemoryLane(floor, namespaces);
      this.#lanes.set(key(lane), fresh);
      return { written: true, duplicates: 0, ...fresh.state };
    });
  }

  tidy(lane: LaneId): Promise<LaneState | undefined> {
    return this.#run(() => {
      this.#lane(lane)?.tidy(this.#now());
      return this.#lane(lane)?.state;
    });
  }

  recoverMany(lane: LaneId, questions: readonly Question[]): Promise<Recovery[]> {
    return this.#run(() => {
      questions.forEach(checkQuestion);
      const held = this.#lane(lane);
      if (held !== undefined) return questions.map((question) => held.recover(question, this.#now()));
      return questions.map(() => ({ recovered: false, reason: 'no-lane', watermark: 0, floor: 0 }));
    });
  }

  history(lane: LaneId, channel: string, query: HistoryQuery): Promise<HistoryPage | undefined> {
    return this.#run(() => {
      checkQuery(query);
      const held = this.#lane(lane);
      if (held === undefined || !has(held.namespaces, query.namespace)) return undefined;
      const page = (held.channels.get(channel) ?? new MemoryChannel()).page(query, this.#now(), this.#maxPageBytes);
      return { ...page, ...held.state, missingThrough: Math.max(page.missingThrough, held.state.floor) };
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#lanes.clear();
    return Promise.resolve();
  }

  #lane(lane: LaneId): MemoryLane | undefined {
    return this.#lanes.get(key(lane));
  }

  /** Errors come as rejections, as from a store that is elsewhere. */
  async #run<T>(work: () => T): Promise<T> {
    if (this.#closed) throw new HistoryError('closed', 'the history store was closed');
    // In a later turn than the call, as an answer from elsewhere comes, so that nobody relies on the contrary.
    return Promise.resolve().then(work);
  }
}

function key(lane: LaneId): string {
  return JSON.stringify([lane.log, lane.epoch, lane.lane]);
}
