import type { Batch, HistoryPage, HistoryQuery, HistoryStore, LaneId, LaneState, Question } from '@pharos/history';
import type { Recovery, WriteOutcome } from '@pharos/history';

/** A store that can lose all that it has. */
export class Emptiable implements HistoryStore {
  readonly kind = 'memory';
  readonly #make: () => HistoryStore;
  #store: HistoryStore;

  constructor(make: () => HistoryStore) {
    this.#make = make;
    this.#store = make();
  }

  empty(): void {
    this.#store = this.#make();
  }

  state(lane: LaneId): Promise<LaneState | undefined> {
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

  recoverMany(lane: LaneId, questions: readonly Question[], deadlineMs?: number): Promise<Recovery[]> {
    return this.#store.recoverMany(lane, questions, deadlineMs);
  }

  history(lane: LaneId, channel: string, query: HistoryQuery): Promise<HistoryPage | undefined> {
    return this.#store.history(lane, channel, query);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
