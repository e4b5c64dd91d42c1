import {
  type Batch,
  HistoryError,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  type LaneId,
  type LaneState,
  MemoryHistory,
  type Question,
  type Recovery,
  type StoredLane,
  type WriteOutcome,
} from '@pharos/history';

type Write = (store: HistoryStore) => Promise<unknown>;

/** A store in memory that fails, forgets, and is set back, as a Redis may that restarts or fails over. */
export class FlakyStore implements HistoryStore {
  readonly kind = 'memory';
  #store = new MemoryHistory();
  /** Everything that was written since it was empty, to be done again up to where it is set back to. */
  #writes: Write[] = [];
  /** Nothing is served while it is set back. */
  #ready: Promise<void> = Promise.resolve();
  #faults: ('before' | 'after')[] = [];

  /** The next write fails, with nothing written, or with all of it. */
  failNext(when: 'before' | 'after'): void {
    this.#faults.push(when);
  }

  /** Everything is lost. */
  flush(): void {
    this.#writes = [];
    this.#store = new MemoryHistory();
  }

  /** The last writes are lost. */
  rollBack(writes: number): Promise<void> {
    this.#ready = this.#replay(Math.max(0, this.#writes.length - writes));
    return this.#ready;
  }

  async state(lane: LaneId): Promise<StoredLane | undefined> {
    await this.#ready;
    return this.#store.state(lane);
  }

  append(lane: LaneId, batch: Batch): Promise<WriteOutcome> {
    return this.#write((store) => store.append(lane, batch));
  }

  rebuild(...args: Parameters<HistoryStore['rebuild']>): Promise<WriteOutcome> {
    return this.#write((store) => store.rebuild(...args));
  }

  async tidy(lane: LaneId): Promise<LaneState | undefined> {
    await this.#ready;
    return this.#store.tidy(lane);
  }

  async recoverMany(lane: LaneId, questions: readonly Question[]): Promise<Recovery[]> {
    await this.#ready;
    return this.#store.recoverMany(lane, questions);
  }

  async history(lane: LaneId, channel: string, query: HistoryQuery): Promise<HistoryPage | undefined> {
    await this.#ready;
    return this.#store.history(lane, channel, query);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #replay(count: number): Promise<void> {
    const left = this.#writes.slice(0, count);
    const earlier = new MemoryHistory();
    this.#writes = left;
    this.#store = earlier;
    for (const write of left) await write(earlier);
  }

  async #write(write: (store: HistoryStore) => Promise<WriteOutcome>): Promise<WriteOutcome> {
    await this.#ready;
    const fault = this.#faults.shift();
    if (fault === 'before') throw new HistoryError('unavailable', 'nothing was written');
    const store = this.#store;
    this.#writes.push(write);
    const outcome = await write(store);
    if (fault === 'after') throw new HistoryError('deadline', 'it was written, and nobody said so');
    return outcome;
  }
}
