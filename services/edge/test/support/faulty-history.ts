import {
  type Batch,
  HistoryError,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  type LaneId,
  type LaneState,
  type Question,
  type Recovery,
  type WriteOutcome,
} from '@pharos/history';

/** A store as an edge sees it: away when a test says so; counts what it is asked. */
export class FaultyHistory implements HistoryStore {
  readonly kind = 'memory';
  readonly #store: HistoryStore;
  away = false;
  /** Questions for what clients missed. */
  asked = 0;
  pages = 0;

  constructor(store: HistoryStore) {
    this.#store = store;
  }

  async state(lane: LaneId): Promise<LaneState | undefined> {
    this.#enter();
    return this.#store.state(lane);
  }

  append(lane: LaneId, batch: Batch): Promise<WriteOutcome> {
    return this.#store.append(lane, batch);
  }

  rebuild(...args: Parameters<HistoryStore['rebuild']>): Promise<WriteOutcome> {
    return this.#store.rebuild(...args);
  }

  tidy(lane: LaneId): Promise<LaneState | undefined> {
    return this.#store.tidy(lane);
  }

  async recoverMany(lane: LaneId, questions: readonly Question[], deadlineMs?: number): Promise<Recovery[]> {
    this.#enter();
    this.asked += questions.length;
    return this.#store.recoverMany(lane, questions, deadlineMs);
  }

  async history(lane: LaneId, channel: string, query: HistoryQuery): Promise<HistoryPage | undefined> {
    this.#enter();
    this.pages++;
    return this.#store.history(lane, channel, query);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #enter(): void {
    if (this.away) throw new HistoryError('unavailable', 'as the test asked for');
  }
}
