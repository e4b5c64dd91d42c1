import { type HistoryStore, MemoryHistory } from '@pharos/history';
import type { HistoryUnderTest } from './conformance/harness.ts';

type Write = (store: HistoryStore) => Promise<unknown>;

/**
 * The memory adapter, made to lose what it has: every write is noted with its time, and a store that is rolled back is a new one to
 * which the writes up to then are done again.
 */
export class MemoryRig implements HistoryUnderTest {
  #writes: { readonly nowMs: number; readonly write: Write }[] = [];
  #nowMs: () => number = Date.now;
  #replayMs: number | undefined;
  #maxPageBytes: number | undefined;
  #store: HistoryStore = this.#fresh();

  newStore(options: Parameters<HistoryUnderTest['newStore']>[0]): HistoryStore {
    this.#nowMs = options.now;
    if (options.maxReplyBytes !== undefined) {
      this.#maxPageBytes = options.maxReplyBytes;
      this.#store = this.#fresh();
    }
    let closed: HistoryStore | undefined;
    const current = (): HistoryStore => closed ?? this.#store;
    const noted = <T>(write: (store: HistoryStore) => Promise<T>): Promise<T> => {
      if (closed === undefined) this.#writes.push({ nowMs: this.#nowMs(), write });
      return write(current());
    };
    return {
      kind: 'memory',
      state: (lane) => current().state(lane),
      append: (lane, batch) => noted((store) => store.append(lane, batch)),
      rebuild: (...args) => noted((store) => store.rebuild(...args)),
      tidy: (lane) => noted((store) => store.tidy(lane)),
      recoverMany: (lane, questions) => current().recoverMany(lane, questions),
      history: (lane, channel, query) => current().history(lane, channel, query),
      close: async () => {
        closed = new MemoryHistory();
        await closed.close();
      },
    };
  }

  flush(): Promise<void> {
    this.#writes = [];
    this.#store = this.#fresh();
    return Promise.resolve();
  }

  snapshot(): Promise<() => Promise<void>> {
    const kept = [...this.#writes];
    return Promise.resolve(async () => {
      this.#writes = [...kept];
      this.#store = this.#fresh();
      for (const { nowMs, write } of kept) {
        this.#replayMs = nowMs;
        await write(this.#store);
      }
      this.#replayMs = undefined;
    });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #fresh(): HistoryStore {
    const maxPageBytes = this.#maxPageBytes;
    return new MemoryHistory({
      now: () => this.#replayMs ?? this.#nowMs(),
      ...(maxPageBytes === undefined ? {} : { maxPageBytes }),
    });
  }
}
