import {
  type Bus,
  historyRemoveMarker,
  type LaneEntry,
  type LaneTail,
  type Log,
  markerProperty,
  skipHistoryProperty,
} from '@pharos/bus';
import type { HistoryStore, LaneId, NewEntry, StoreLimits } from '@pharos/history';
import { Deferred } from '@pharos/lifecycle';
import { eventually } from '@pharos/testkit';

/** What fills the store in place of the history service: follows lane 0 of a log and writes what it has, as far as it may. */
export class HistoryWriter {
  readonly #store: HistoryStore;
  readonly #limits: StoreLimits;
  readonly #log: Log;
  readonly lane: LaneId;
  #tail: LaneTail | undefined;
  #waiting: { readonly first: number; readonly last: number; readonly entries: NewEntry[] }[] = [];
  #written = 0;
  #gate: Deferred<void> | undefined;
  #wake = new Deferred<void>();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(store: HistoryStore, log: Log, limits: StoreLimits) {
    this.#store = store;
    this.#log = log;
    this.#limits = limits;
    this.lane = { log: log.topic, epoch: log.epoch, lane: 0 };
  }

  static async start(bus: Bus, topic: string, store: HistoryStore, limits: StoreLimits): Promise<HistoryWriter> {
    const log = await bus.openLog({ topic });
    const writer = new HistoryWriter(store, log, limits);
    await writer.#follow();
    writer.#running = writer.#run();
    return writer;
  }

  /** Writes nothing more until `go`. */
  hold(): void {
    this.#gate ??= new Deferred<void>();
  }

  go(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Resolves when the store has all up to the offset. */
  async has(offset: number): Promise<void> {
    await eventually(() => (this.#written >= offset ? true : undefined), `the store has ${offset}`);
  }

  /** As a history service that finds the store empty: everything again, from the beginning of the log. */
  async rebuild(): Promise<void> {
    await this.#tail?.close();
    this.#written = 0;
    this.#waiting = [];
    await this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.go();
    this.#wake.resolve();
    await this.#running;
    await this.#tail?.close();
  }

  async #follow(): Promise<void> {
    this.#tail = await this.#log.attach(0, { entry: (entry) => this.#take(entry) }, { at: 'earliest' });
  }

  #take(entry: LaneEntry): void {
    const entries: NewEntry[] = [];
    const cursor = entry.publications();
    while (cursor.next()) {
      const properties = new Map(cursor.properties());
      const [channel, { offset }] = [cursor.channel(), cursor];
      const marker = properties.get(markerProperty);
      if (marker === historyRemoveMarker) entries.push({ kind: 'remove', channel, offset });
      if (marker !== undefined || properties.has(skipHistoryProperty)) continue;
      const data = Buffer.from(cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd));
      const { publishTimeMs: timeMs } = entry;
      entries.push({ kind: 'publication', channel, offset, timeMs, data, properties, limits: this.#limits });
    }
    this.#waiting.push({ first: entry.firstOffset, last: entry.firstOffset + entry.count - 1, entries });
    this.#wake.resolve();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#gate?.promise;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#wake = new Deferred<void>();
        await this.#wake.promise;
        continue;
      }
      const known = (await this.#store.state(this.lane))?.watermark;
      const previous = known ?? next.first - 1;
      if (known === undefined) await this.#store.rebuild(this.lane, previous, undefined);
      const watermark = Math.max(previous, next.last);
      const outcome = await this.#store.append(this.lane, { previous, watermark, entries: next.entries });
      if (!outcome.written) continue;
      if (this.#waiting[0] === next) this.#waiting.shift();
      this.#written = Math.max(this.#written, next.last);
    }
  }
}
