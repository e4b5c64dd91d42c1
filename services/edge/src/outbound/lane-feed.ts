import { javaStringHash } from '@pharos/bytes';
import type { Hole, LaneEntry } from '@pharos/bus';
import { ThrottledLog } from '@pharos/telemetry';

import type { LivingLog } from '@pharos/channels';
import type { Unrecoverable } from '../metrics.ts';
import type { ChannelNumbers } from './channel-numbers.ts';
import type { Flusher } from './flusher.ts';
import {
  type AttachedLane,
  type AttachmentContext,
  LaneAttachment,
  type LaneHead,
  type Prefill,
} from './lane-attachment.ts';
import type { LaneRing, RingChannel } from './lane-ring.ts';
import type { LiveChannel, LiveSource, Subscription } from './live-channel.ts';
import { LiveSet } from './live-set.ts';
import { OffsetWaiters } from './offset-waiters.ts';
import { olderPage, type OlderQuery } from './older-pages.ts';
import { historyPage, type OlderPage, type PageLimits, type PageOutcome, type PageQuery } from './history-page.ts';
import { type LatestLimits, recoverLatest } from './latest-recovery.ts';
import type { Gate } from './gate.ts';
import { LaneStore, type LaneStoreContext, type OlderLimits, type StoreVerdict } from './lane-store.ts';
import { type Older, recover, type Recovery, type RecoveryLimits, type StreamPosition } from './recovery.ts';
import { LaneReplay } from './replay/lane-replay.ts';
import type { ReplayReaders } from './replay/replay-readers.ts';
import type { Rings } from './rings.ts';
import { plainShape, type Shape, type Subscriber } from './subscriber.ts';

/** How long a lane stays attached after its last subscriber left: a client that reconnects, or the next one, finds it warm. */
const lingerMs = 60_000;
/** Anybody who may write to the topic can misroute, at any rate. */
const misroutedLogMs = 10_000;

export interface FeedContext extends AttachmentContext {
  readonly flusher: Flusher;
  /** Of the whole edge. */
  readonly numbers: ChannelNumbers;
  readonly rings: Rings;
  /** Where there is one: what channels had before the ring. */
  readonly store?: LaneStoreContext['store'];
  /** Bounds the pages that are read from the store at the same time. */
  readonly pages?: Gate;
  /** Who reads the past of logs. */
  readonly replay?: ReplayReaders;
}

/**
 * One lane of a log as this edge follows it: attached while somebody here has a channel in it, and what hands each of its
 * publications to the channel that it belongs to.
 */
export class LaneFeed implements AttachedLane, LiveSource {
  readonly log: LivingLog;
  readonly lane: number;
  readonly #context: FeedContext;
  readonly #live: LiveSet;
  readonly #attachment: LaneAttachment;
  readonly #misrouted: ThrottledLog;
  #ring: LaneRing | undefined;
  readonly #waiters = new OffsetWaiters();
  readonly #store: LaneStore | undefined;
  #replay: LaneReplay | undefined;
  /** Key hashes of the entry that is being handed on. */
  #hashes = new Int32Array(64);
  #newest: Promise<number> | undefined;
  /** Begins when `#newest` is over. */
  #nextNewest: Promise<number> | undefined;
  /** From the end of a lane until it is attached again: the newest offset that was handed on, by epoch. */
  #owed: Map<string, number> | undefined;
  #linger: NodeJS.Timeout | undefined;
  /** Keeps the lane attached whoever is in it: its channel must be live from the first moment. */
  #pinned = false;
  #closed = false;

  constructor(log: LivingLog, lane: number, context: FeedContext) {
    this.log = log;
    this.lane = lane;
    this.#context = context;
    this.#attachment = new LaneAttachment(log, lane, this, context);
    const { flusher, store, pages, logger, metrics } = context;
    const { channels, subscriptions } = metrics;
    this.#live = new LiveSet({ kind: 'publications', source: this, flusher, channels, subscriptions });
    this.#ring = context.rings.newRing(log);
    this.#store =
      store === undefined
        ? undefined
        : new LaneStore(() => ({ log: log.topic, epoch: this.epoch, lane }), { store, pages, logger, metrics });
    this.#misrouted = new ThrottledLog(misroutedLogMs, (times) => {
      context.logger.warn(
        { topic: log.topic, lane, times },
        'messages lie in a lane that their keys do not belong to (their producer routes otherwise than JavaStringHash); not delivered',
      );
    });
  }

  get attached(): boolean {
    return this.#attachment.tail !== undefined;
  }

  get indexed(): boolean {
    return this.#attachment.tail?.indexed ?? false;
  }

  /** Offset of the newest publication that this edge has handed on. */
  get head(): number {
    return this.#attachment.tail?.head ?? 0;
  }

  /** Identity of the life of the log that the offsets belong to. */
  get epoch(): string {
    return this.#attachment.epoch;
  }

  get wanted(): boolean {
    return this.#pinned || this.#live.interest.size > 0;
  }

  /** Resolves when the lane is attached, at most `timeoutMs` from now. @throws DeadlineExceeded, BusError `closed` */
  ready(timeoutMs: number): Promise<void> {
    return this.#attachment.ready(timeoutMs);
  }

  pin(): void {
    this.#pinned = true;
    this.#attachment.start();
  }

  /**
   * Puts a subscriber into the channel's live set, in this very turn: what was handed on before isn't sent to it, all that
   * comes after is. Only while attached.
   */
  join(name: string, subscriber: Subscriber, positioned: boolean, shape: Shape = plainShape): Subscription {
    clearTimeout(this.#linger);
    return this.#live.join(name, subscriber, positioned, shape, () => this.#context.numbers.next());
  }

  /** Whether one more subscriber may bring this filter, where a channel may have so many different ones. */
  admits(name: string, canonicalFilter: string, limit: number): boolean {
    return this.#live.interest.get(name)?.admits(canonicalFilter, limit) ?? true;
  }

  leave(subscription: Subscription): void {
    this.#live.leave(subscription);
    this.#lingerIfUnwanted();
  }

  channels(): IterableIterator<LiveChannel> {
    return this.#live.interest.channels();
  }

  /** The lane's log has channels that can be resumed, from now on. */
  beginRing(): void {
    if (this.#ring !== undefined) return;
    this.#ring = this.#context.rings.newRing(this.log);
    if (this.attached) this.#ring?.begin(this.head);
  }

  /** Whether a position in this lane can be resumed at all. */
  get recoverable(): boolean {
    return this.#ring !== undefined && this.indexed && this.epoch !== '';
  }

  /** Why a lane that is attached is not recoverable though it has channels that should be. */
  get unrecoverable(): Unrecoverable | undefined {
    if (this.#ring === undefined || !this.attached || this.recoverable) return undefined;
    return this.indexed ? 'epoch' : 'offsets';
  }

  /** What the channel has after a position. Only while attached; to be answered in the turn that joins. */
  recover(name: string, position: StreamPosition, limits: RecoveryLimits, older?: Older): Recovery {
    if (this.#ring === undefined || !this.recoverable) return { kind: 'unrecoverable', reason: 'history' };
    const lane = { epoch: this.epoch, head: this.head, ring: this.#ring };
    return recover(ringChannel(name), position, lane, limits, older);
  }

  /** The channel's newest publication, where the client hasn't got it. As `recover`. */
  recoverLatest(name: string, position: StreamPosition, limits: LatestLimits, older?: OlderPage): Recovery {
    if (this.#ring === undefined || !this.recoverable) return { kind: 'unrecoverable', reason: 'history' };
    const lane = { epoch: this.epoch, head: this.head, ring: this.#ring };
    return recoverLatest(ringChannel(name), position, lane, limits, older);
  }

  /** One page of the channel's history. Only while attached and recoverable; to be answered in this turn. */
  page(name: string, query: PageQuery, limits: PageLimits, older?: OlderPage): PageOutcome {
    if (this.#ring === undefined) throw new TypeError(`lane ${this.lane} of ${this.log.topic} keeps no history`);
    const lane = { epoch: this.epoch, head: this.head, ring: this.#ring };
    return historyPage(ringChannel(name), query, lane, limits, older);
  }

  /** What a page needs from beyond the ring; undefined where it can't be had yet. @throws HistoryError, BusError, ReplayBusy */
  olderPage(
    query: Omit<OlderQuery, 'epoch' | 'channel'>,
    name: string,
    replay: boolean,
  ): Promise<OlderPage | undefined> {
    const { replay: readers } = this.#context;
    if (replay && readers !== undefined) this.#replay ??= new LaneReplay(this.log, this.lane, readers);
    const whole = { ...query, epoch: this.epoch, channel: ringChannel(name) };
    return olderPage(whole, this.#store, replay ? this.#replay : undefined);
  }

  /** What the channel has after an offset that the ring doesn't reach. Only while attached. @throws HistoryError */
  async older(name: string, offset: number, limits: OlderLimits, deadlineMs: number): Promise<StoreVerdict> {
    return this.#store?.older(name, offset, limits, deadlineMs) ?? { unrecoverable: 'history' };
  }

  /** Resolves with true once the store has all up to the offset, with false after `timeoutMs`. */
  async stored(offset: number, timeoutMs: number): Promise<boolean> {
    return this.#store?.has(offset, timeoutMs) ?? false;
  }

  /**
   * The log's own newest offset in this lane, found out after it was asked for: an answer that was under way may be of a moment when the
   * asker's position wasn't there yet. One question at a time, whoever waits. @throws BusError
   */
  newest(): Promise<number> {
    this.#nextNewest ??= Promise.resolve(this.#newest?.catch(() => undefined)).then(() => {
      this.#nextNewest = undefined;
      this.#newest = this.#attachment.newest().finally(() => (this.#newest = undefined));
      return this.#newest;
    });
    return this.#nextNewest;
  }

  /** Resolves with true once this edge has handed on the offset, with false after `timeoutMs`. */
  reached(offset: number, timeoutMs: number): Promise<boolean> {
    return this.#waiters.wait(offset, timeoutMs);
  }

  get prefill(): Prefill | undefined {
    return this.#ring === undefined ? undefined : this.#context.rings.prefill;
  }

  past(entry: LaneEntry, epoch: string): void {
    const ageMs = Math.max(0, Date.now() - entry.publishTimeMs);
    this.#take(entry, performance.now() - ageMs, this.#deliveredIn(epoch));
    this.#owed?.set(epoch, entry.firstOffset + entry.count - 1);
    if (this.#owed !== undefined) this.#context.flusher.turnEnd();
  }

  restarted(): void {
    this.#ring?.forget();
  }

  began(): void {
    this.#owed = undefined;
    this.#ring?.begin(this.head);
    // Whoever asked for it may be gone; and those that wait join after this.
    this.#lingerIfUnwanted();
  }

  entry(entry: LaneEntry): void {
    const isWanted = this.#take(entry, performance.now(), 0);
    // Two clocks, the broker's and this one's, may differ a little.
    if (isWanted) this.#context.metrics.laneDelaySeconds.observe(Math.max(0, Date.now() - entry.publishTimeMs) / 1000);
  }

  turnEnd(): void {
    this.#context.flusher.turnEnd();
    this.#waiters.reached(this.head);
  }

  lost(hole: Hole): void {
    this.#ring?.restart(hole.to);
    this.#context.logger.error(
      { topic: this.log.topic, lane: this.lane, from: hole.from, to: hole.to },
      'publications were lost before this edge could read them (retention too short, or the log was cut)',
    );
    this.#tellPositioned('all');
  }

  indexLost(error: Error): void {
    this.#ring?.forget();
    this.#context.logger.error({ err: error, topic: this.log.topic, lane: this.lane }, 'live delivery only');
    // Nothing was lost: who can't resume anyway has nothing to do about it.
    this.#tellPositioned('protocol');
  }

  ended(error: Error, handedOn: LaneHead): void {
    // Those that can't resume stay, and have what comes until the lane is attached again from its prefill.
    this.#owed = new Map([[handedOn.epoch, handedOn.offset]]);
    this.#ring?.forget();
    this.#context.logger.error({ err: error, topic: this.log.topic, lane: this.lane }, 'a lane ended; attaching anew');
    this.#tellPositioned('all');
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#misrouted.stop();
    this.#waiters.stop();
    this.#store?.close();
    this.#replay?.forget();
    this.#ring?.close();
    await this.#attachment.close();
  }

  #tellPositioned(whom: 'protocol' | 'all'): void {
    for (const channel of [...this.#live.interest.channels()]) {
      for (const { positioned, subscriber } of [...channel.subscriptions]) {
        if (positioned && (whom === 'all' || subscriber.variant !== 'text')) {
          subscriber.insufficientState(channel.name);
        }
      }
    }
  }

  #lingerIfUnwanted(): void {
    if (this.wanted || this.#closed) return;
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => {
      this.#ring?.forget();
      this.#replay?.forget();
      void this.#attachment.detach();
    }, lingerMs);
    this.#linger.unref();
  }

  /** Up to which offset of that life everything was handed on: all, where nobody waits for more. */
  #deliveredIn(epoch: string): number {
    return this.#owed === undefined ? Infinity : (this.#owed.get(epoch) ?? 0);
  }

  /** Into the ring, and what comes after an offset to its subscribers: whether there were any. */
  #take(entry: LaneEntry, cameMs: number, delivered: number): boolean {
    const cursor = entry.publications();
    const { flusher, metrics } = this.#context;
    const hashes = this.#hashesFor(entry.count);
    let index = 0;
    let local = 0;
    let none = 0;
    while (cursor.next()) {
      const keyHash = cursor.keyHash();
      hashes[index++] = keyHash;
      if (cursor.offset <= delivered && delivered > 0) continue;
      const channel = this.#live.interest.find(cursor, keyHash);
      if (!cursor.routed()) {
        metrics.publicationsMisrouted.inc();
        this.#misrouted.note();
      } else if (channel === undefined) none++;
      else if (!cursor.hasProperties || !cursor.isMarker()) {
        flusher.add(channel, cursor, entry.publishTimeMs);
        local++;
      }
    }
    if (this.#ring !== undefined && entry.firstOffset > 0) this.#ring.add(entry, hashes, cameMs);
    metrics.entriesRead.inc();
    if (local > 0) metrics.publicationsRead.inc({ interest: 'local' }, local);
    if (none > 0) metrics.publicationsRead.inc({ interest: 'none' }, none);
    return local > 0;
  }

  #hashesFor(count: number): Int32Array {
    if (this.#hashes.length < count) this.#hashes = new Int32Array(count * 2);
    return this.#hashes.subarray(0, count);
  }
}

function ringChannel(name: string): RingChannel {
  return { name, key: Buffer.from(name), keyHash: javaStringHash(name) };
}
