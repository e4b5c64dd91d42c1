import {
  BusError,
  type Hole,
  type LaneEntry,
  type LaneTail,
  type Log,
  type TailHandler,
  type TailStart,
} from '@pharos/bus';
import { Backoff, DeadlineExceeded, Deferred } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

import type { LivingLog } from '@pharos/channels';
import type { EdgeMetrics } from '../metrics.ts';
import { CatchUp } from './catch-up.ts';

/** What a lane hands on while it is attached. */
export interface AttachedLane {
  /** Whether anybody needs the lane, apart from those that wait for it to be attached. */
  readonly wanted: boolean;
  /** What of the lane is to be read before it counts as attached; none: it begins at its head. */
  readonly prefill: Prefill | undefined;
  /** An entry of the prefill, of the life with this epoch: it was published before anybody could join. */
  past(entry: LaneEntry, epoch: string): void;
  began(): void;
  /** What came so far is void; the lane is attached, perhaps anew. */
  restarted(): void;
  entry(entry: LaneEntry): void;
  turnEnd(): void;
  /** Publications are gone that nobody here was sent. */
  lost(hole: Hole): void;
  /** The lane has no offsets from here on; what comes live goes on. */
  indexLost(error: Error): void;
  /** The lane is over; it begins anew, from its newest publication. */
  ended(error: Error, handedOn: LaneHead): void;
}

/** The newest offset that was handed on, and the life that it belongs to. */
export interface LaneHead {
  readonly epoch: string;
  readonly offset: number;
}

/** How far back a lane is read when it is attached, and what may be spent on that. */
export interface Prefill {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export interface AttachmentContext {
  readonly logger: Logger;
  readonly metrics: EdgeMetrics;
}

interface Waiter {
  readonly done: Deferred<void>;
  readonly timer: NodeJS.Timeout;
}

/** A tail that lived this long before it ended was no failed attempt: the next one is made soon again. */
const stableMs = 10_000;
/** A busy lane may have too much in the time asked for: then a tenth of it is read, at the least this. */
const prefillStep = 10;
const leastPrefillMs = 1_000;

/** Keeps one lane attached as long as it is wanted: tries with backoff until it succeeds, and anew when the lane ends. */
export class LaneAttachment {
  readonly log: LivingLog;
  readonly lane: number;
  readonly #owner: AttachedLane;
  readonly #context: AttachmentContext;
  readonly #waiters = new Set<Waiter>();
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 5_000 });
  #current: Following | undefined;
  /** Reads the newest of the lane, and is not followed yet. */
  #prefilling: Following | undefined;
  #attaching = false;
  #retry: NodeJS.Timeout | undefined;
  /** A tail on its way out; the next one waits for it, so that no entry comes from both. */
  #leaving: Promise<void> = Promise.resolve();
  #attachedAt = 0;
  #closed = false;

  constructor(log: LivingLog, lane: number, owner: AttachedLane, context: AttachmentContext) {
    this.log = log;
    this.lane = lane;
    this.#owner = owner;
    this.#context = context;
  }

  /** The tail, while attached. */
  get tail(): LaneTail | undefined {
    return this.#current?.tail;
  }

  /** Of the life that the tail follows: the log may have begun another already. */
  get epoch(): string {
    return this.#current?.life.epoch ?? '';
  }

  /** Asks the log for its newest offset, by a tail that begins there. @throws BusError */
  async newest(): Promise<number> {
    const life = this.#current?.life;
    if (life === undefined) throw new BusError('unreachable', `lane ${this.lane} of ${this.log.topic} is not attached`);
    const tail = await life.attach(this.lane, { entry: () => undefined });
    try {
      return tail.head;
    } finally {
      await tail.close();
    }
  }

  /**
   * Resolves when the lane is attached.
   *
   * Whoever waits is forgotten after `timeoutMs`: through a long outage nothing piles up here, however many come and go.
   *
   * @throws DeadlineExceeded, BusError `closed`
   */
  ready(timeoutMs: number): Promise<void> {
    if (this.#current !== undefined) return Promise.resolve();
    if (this.#closed) return Promise.reject(this.#closedError());
    const done = new Deferred<void>();
    const timer = setTimeout(() => {
      this.#waiters.delete(waiter);
      done.reject(new DeadlineExceeded(`attaching lane ${this.lane} of ${this.log.topic}`, timeoutMs));
    }, timeoutMs);
    const waiter: Waiter = { done, timer };
    this.#waiters.add(waiter);
    this.start();
    return done.promise;
  }

  /** Begins to attach, unless that is done or under way. */
  start(): void {
    if (this.#current !== undefined || this.#attaching || this.#closed) return;
    this.#attaching = true;
    void this.#attach();
  }

  /** Lets the lane go; `start` or `ready` attach it again. */
  async detach(): Promise<void> {
    const following = this.#drop();
    if (following === undefined) return;
    this.#leaving = this.#leave(following);
    await this.#leaving;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const waiter of this.#waiters) {
      clearTimeout(waiter.timer);
      waiter.done.reject(this.#closedError());
    }
    this.#waiters.clear();
    this.#prefilling?.stop();
    await this.detach();
    await this.#leaving;
  }

  /** Never rejects. */
  async #attach(): Promise<void> {
    let life: Log | undefined;
    try {
      await this.#leaving;
      life = await this.log.living();
      const following = (await this.#prefilled(life)) ?? (await this.#follow(life, { at: 'head' }));
      if (this.#closed) return await this.#leave(following);
      if (following.end !== undefined) throw following.end;
      this.#begin(following);
    } catch (error) {
      if (life !== undefined) this.#noteEnd(life, error);
      this.#failed(error);
    }
  }

  async #follow(life: Log, start: TailStart, prefill?: Prefill): Promise<Following> {
    // What another tail has read is no part of this one's sequence: it may be of another life, with offsets of its own.
    this.#owner.restarted();
    const onEnd = (ended: Following, error: Error): void => this.#ended(ended, error);
    const following = new Following(life, this.#owner, this.#context, onEnd, prefill);
    return following.adopt(await life.attach(this.lane, following, start));
  }

  /**
   * A tail that has read the newest of the lane first, so that clients can resume here what they missed elsewhere. Where that
   * is more than may be read, less far back is tried; none where even that is too much.
   */
  async #prefilled(life: Log): Promise<Following | undefined> {
    const { prefill } = this.#owner;
    if (prefill === undefined) return undefined;
    for (let maxAgeMs = prefill.maxAgeMs; maxAgeMs >= leastPrefillMs; maxAgeMs /= prefillStep) {
      const following = await this.#follow(life, { at: 'recent', maxAgeMs }, prefill);
      this.#prefilling = following;
      const isThrough = !this.#closed && (await following.caughtUp());
      this.#prefilling = undefined;
      if (isThrough || this.#closed || following.end !== undefined) return following;
      await this.#leave(following);
    }
    return undefined;
  }

  #begin(following: Following): void {
    following.live();
    this.#attaching = false;
    this.#current = following;
    this.#attachedAt = performance.now();
    this.#context.metrics.lanesAttached.inc();
    following.begin();
    if (following.tail?.indexed === false) {
      this.#context.logger.warn({ topic: this.log.topic }, 'the broker gives no index: live delivery only');
    }
    this.#owner.began();
    for (const waiter of this.#waiters) {
      clearTimeout(waiter.timer);
      waiter.done.resolve();
    }
    this.#waiters.clear();
  }

  #failed(error: unknown): void {
    this.#attaching = false;
    if (this.#closed || (!this.#owner.wanted && this.#waiters.size === 0)) return;
    const { topic } = this.log;
    const delayMs = this.#backoff.next();
    this.#context.logger.error({ err: error, topic, lane: this.lane, delayMs }, 'could not attach a lane');
    this.#startIn(delayMs);
  }

  /** The log was deleted or recreated, or its broker refuses to go on. */
  #ended(following: Following, error: Error): void {
    this.#noteEnd(following.life, error);
    if (following !== this.#current) return;
    this.#drop();
    if (performance.now() - this.#attachedAt > stableMs) this.#backoff.reset();
    this.#owner.ended(error, { epoch: following.life.epoch, offset: following.tail?.head ?? 0 });
    if (this.#owner.wanted || this.#waiters.size > 0) this.#startIn(this.#backoff.next());
  }

  #noteEnd(life: Log, error: unknown): void {
    if (error instanceof BusError && error.code === 'log-ended') this.log.ended(life);
  }

  #startIn(delayMs: number): void {
    if (this.#closed) return;
    this.#attaching = true;
    this.#retry = setTimeout(() => void this.#attach(), delayMs);
  }

  #drop(): Following | undefined {
    const following = this.#current;
    this.#current = undefined;
    if (following === undefined) return undefined;
    this.#context.metrics.lanesAttached.dec();
    following.stop();
    return following;
  }

  async #leave(following: Following): Promise<void> {
    following.stop();
    try {
      await following.tail?.close();
    } catch (error) {
      this.#context.logger.warn({ err: error, topic: this.log.topic, lane: this.lane }, 'closing a lane failed');
    }
  }

  #closedError(): BusError {
    return new BusError('closed', `lane ${this.lane} of ${this.log.topic} was closed`);
  }
}

/** One tail's handler: deaf once the tail was let go, so that what a tail on its way out says reaches nobody. */
class Following implements TailHandler {
  readonly life: Log;
  readonly #owner: AttachedLane;
  readonly #context: AttachmentContext;
  readonly #onEnd: (following: Following, error: Error) => void;
  /** While the newest of the lane is being read. */
  #catchUp: CatchUp | undefined;
  tail: LaneTail | undefined;
  /** Why it ended, if it did: that can be before anybody has the tail. */
  end: Error | undefined;
  #stopped = false;
  #connected = false;

  constructor(
    life: Log,
    owner: AttachedLane,
    context: AttachmentContext,
    onEnd: (following: Following, error: Error) => void,
    prefill: Prefill | undefined,
  ) {
    this.#catchUp = prefill === undefined ? undefined : new CatchUp(prefill);
    this.life = life;
    this.#owner = owner;
    this.#context = context;
    this.#onEnd = onEnd;
  }

  adopt(tail: LaneTail): this {
    this.tail = tail;
    return this;
  }

  /** Resolves with true when all that was in the lane is handed over, with false where that is too much or takes too long. */
  async caughtUp(): Promise<boolean> {
    const { tail } = this;
    if (this.#catchUp === undefined || tail === undefined) return true;
    return tail.head >= tail.newestAtAttach || this.#catchUp.outcome(() => tail.head >= tail.newestAtAttach);
  }

  /** From here on entries are handed on as they come. */
  live(): void {
    this.#catchUp = undefined;
  }

  begin(): void {
    this.#setConnected(this.tail?.connected ?? false);
  }

  stop(): void {
    this.#setConnected(false);
    this.#stopped = true;
    this.#catchUp?.stop();
  }

  entry(entry: LaneEntry): void {
    if (this.#stopped) return;
    if (this.#catchUp === undefined) return this.#owner.entry(entry);
    this.#catchUp.read(entry.bytes);
    this.#owner.past(entry, this.life.epoch);
  }

  turnEnd(): void {
    if (this.#stopped) return;
    if (this.#catchUp === undefined) this.#owner.turnEnd();
    else this.#catchUp.check();
  }

  hole(hole: Hole): void {
    if (this.#stopped) return;
    this.#context.metrics.holes.inc({ kind: hole.kind });
    if (hole.kind !== 'lost') return;
    this.#context.metrics.publicationsLost.inc(hole.to - hole.from + 1);
    this.#owner.lost(hole);
  }

  connection(connected: boolean): void {
    if (this.#stopped || !this.#setConnected(connected)) return;
    const { topic } = this.life;
    const lane = this.tail?.lane;
    if (connected) this.#context.logger.info({ topic, lane }, 'lane connected');
    else
      this.#context.logger.warn({ topic, lane }, 'lane lost its connection; live publications wait until it is back');
  }

  indexLost(error: Error): void {
    if (!this.#stopped) this.#owner.indexLost(error);
  }

  ended(error: Error): void {
    if (this.#stopped) return;
    this.end = error;
    this.#catchUp?.stop();
    this.#onEnd(this, error);
  }

  /** Counts a change once: `tail.connected` can be ahead of what the tail says here. */
  #setConnected(connected: boolean): boolean {
    if (this.#connected === connected) return false;
    this.#connected = connected;
    this.#context.metrics.lanesConnected.inc(connected ? 1 : -1);
    return true;
  }
}
