import {
  type AppendReceipt,
  idempotencyKeyProperty,
  type LaneEntry,
  type LaneTail,
  type NewPublication,
  type PublicationCursor,
} from '@pharos/bus';
import type { LivingLog } from '@pharos/channels';
import { Deferred, withDeadline } from '@pharos/lifecycle';
import type { Logger, Tracing } from '@pharos/telemetry';

import type { ApiMetrics } from '../metrics.ts';
import { SeenPositions } from './seen-positions.ts';

/** How long a lane is followed after it was last needed. */
const lingerMs = 60_000;

/** Where a publication lies. */
export interface Place {
  readonly offset: number;
  readonly epoch: string;
}

/** Up to where a lane has been seen, to be attached after it later. */
export interface LaneMark extends Place {
  readonly position: string;
}

export interface LaneWatchContext {
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly tracing: Tracing | undefined;
}

/**
 * One lane as the API follows it: what is appended here is seen to come by, which tells its offset. Nothing is kept of what comes by but where
 * it lay, and that only while an append waits.
 */
export class LaneWatch {
  readonly log: LivingLog;
  readonly lane: number;
  readonly #context: LaneWatchContext;
  readonly #seen = new SeenPositions();
  readonly #awaited = new Map<string, Deferred<number>>();
  /** Who wants to know of publications with an idempotency key, by channel and key. */
  readonly #keys = new Map<string, (place: Place) => void>();
  #tail: LaneTail | undefined;
  #epoch = '';
  #attaching: Promise<LaneTail> | undefined;
  #underWay = 0;
  #linger: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(log: LivingLog, lane: number, context: LaneWatchContext) {
    this.log = log;
    this.lane = lane;
    this.#context = context;
  }

  /**
   * Up to where the lane has been seen, attached first where it isn't; undefined where the log gives no offsets.
   *
   * @throws BusError, DeadlineExceeded
   */
  async mark(deadlineMs: number): Promise<LaneMark | undefined> {
    const tail = await this.#attached(deadlineMs);
    if (!tail.indexed || this.#epoch === '') return undefined;
    return { offset: tail.head, position: tail.position, epoch: this.#epoch };
  }

  /**
   * Appends, and says where it lies: undefined where that can't be found out in time, or at all.
   *
   * @throws BusError as `Log.append`
   */
  async append(publication: NewPublication, deadlineMs: number): Promise<Place | undefined> {
    const deadlineAt = performance.now() + deadlineMs;
    this.#underWay++;
    try {
      // It must be attached before, or what is appended may lie behind its start. That it can't be is no reason not to publish.
      const mark = await this.mark(deadlineMs / 2).catch(() => undefined);
      const receipt = await this.#write(publication, deadlineAt - performance.now());
      if (mark === undefined) return this.#unknown();
      return await this.#placeOf(receipt, mark.epoch, Math.max(1_000, deadlineAt - performance.now()));
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#seen.clear();
    }
  }

  #write(publication: NewPublication, deadlineMs: number): Promise<AppendReceipt> {
    const { tracing } = this.#context;
    if (tracing === undefined) return this.log.append(publication, deadlineMs);
    const { channel, properties = {} } = publication;
    return tracing.publish(this.log.topic, channel, properties, (traced) =>
      this.log.append({ ...publication, properties: traced }, deadlineMs),
    );
  }

  /** Tells of a publication with this key when it comes by, once; returns how to stop that. */
  onKey(channel: string, key: string, found: (place: Place) => void): () => void {
    const name = keyName(channel, key);
    this.#keys.set(name, found);
    return () => {
      if (this.#keys.get(name) === found) this.#keys.delete(name);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#detach();
  }

  #unknown(): undefined {
    this.#context.metrics.positionsUnknown.inc();
    return undefined;
  }

  async #placeOf({ position }: AppendReceipt, epoch: string, deadlineMs: number): Promise<Place | undefined> {
    if (position === '') return this.#unknown();
    const known = this.#seen.get(position);
    if (known !== undefined) return { offset: known, epoch };
    const seen = new Deferred<number>();
    this.#awaited.set(position, seen);
    try {
      const offset = await withDeadline(seen.promise, deadlineMs, 'seeing what was published');
      return offset > 0 && this.#epoch === epoch ? { offset, epoch } : this.#unknown();
    } catch {
      return this.#unknown();
    } finally {
      this.#awaited.delete(position);
    }
  }

  async #attached(deadlineMs: number): Promise<LaneTail> {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#leave(), lingerMs);
    this.#linger.unref();
    if (this.#tail !== undefined) return this.#tail;
    this.#attaching ??= this.#attach().finally(() => (this.#attaching = undefined));
    return withDeadline(this.#attaching, deadlineMs, `attaching to lane ${this.lane} of ${this.log.topic}`);
  }

  async #attach(): Promise<LaneTail> {
    const life = await this.log.living();
    const state = { ended: false };
    const tail = await life.attach(this.lane, {
      entry: (entry) => this.#entry(entry),
      ended: (error) => {
        state.ended = true;
        this.log.ended(life);
        this.#context.logger.warn({ err: error, topic: this.log.topic, lane: this.lane }, 'a lane ended');
        if (this.#tail !== undefined) this.#gone();
      },
    });
    if (!state.ended && !this.#isClosed) {
      this.#tail = tail;
      this.#epoch = life.epoch;
      this.#context.metrics.lanesAttached.inc();
    }
    return tail;
  }

  #gone(): void {
    this.#tail = undefined;
    this.#epoch = '';
    this.#seen.clear();
    this.#context.metrics.lanesAttached.dec();
  }

  #leave(): void {
    if (this.#underWay > 0 || this.#keys.size > 0) this.#linger?.refresh();
    else void this.#detach();
  }

  async #detach(): Promise<void> {
    clearTimeout(this.#linger);
    const tail = this.#tail;
    if (tail === undefined) return;
    this.#gone();
    await tail.close();
  }

  #entry(entry: LaneEntry): void {
    if (this.#underWay === 0 && this.#keys.size === 0) return;
    const cursor = entry.publications();
    while (cursor.next()) {
      if (this.#underWay > 0) this.#came(cursor);
      if (this.#keys.size > 0 && cursor.hasProperties) this.#cameWithKey(cursor);
    }
  }

  #came(cursor: PublicationCursor): void {
    const position = cursor.position();
    const awaited = this.#awaited.get(position);
    if (awaited === undefined) this.#seen.add(position, cursor.offset);
    else awaited.resolve(cursor.offset);
  }

  #cameWithKey(cursor: PublicationCursor): void {
    const key = cursor.properties().get(idempotencyKeyProperty);
    if (key === undefined || !cursor.routed()) return;
    this.#keys.get(keyName(cursor.channel(), key))?.({ offset: cursor.offset, epoch: this.#epoch });
  }
}

function keyName(channel: string, key: string): string {
  return JSON.stringify([channel, key]);
}
