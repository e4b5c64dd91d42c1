import type { Hole, LaneEntry, LaneTail, Log, TailHandler } from '@pharos/bus';
import { Backoff, Deferred } from '@pharos/lifecycle';
import type { Logger } from '@pharos/telemetry';

import type { EdgeMetrics } from '../metrics.ts';
import { Interest } from './interest.ts';
import { LiveChannel, Subscription } from './live-channel.ts';
import type { Flusher } from './flusher.ts';
import type { Subscriber } from './subscriber.ts';

/** How long a lane stays attached after its last subscriber left: a client that reconnects, or the next one, finds it warm. */
const lingerMs = 60_000;

export interface FeedContext {
  readonly logger: Logger;
  readonly metrics: EdgeMetrics;
  readonly flusher: Flusher;
}

/**
 * One lane of a log as this edge follows it: attached while somebody here has a channel in it, and what hands each of its
 * publications to the channel that it belongs to.
 */
export class LaneFeed implements TailHandler {
  readonly log: Log;
  readonly lane: number;
  readonly #context: FeedContext;
  readonly #interest = new Interest();
  #tail: LaneTail | undefined;
  #attaching: Deferred<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  /** Keeps the lane attached whoever is in it: its channel must be live from the first moment. */
  #pinned = false;
  #closed = false;

  constructor(log: Log, lane: number, context: FeedContext) {
    this.log = log;
    this.lane = lane;
    this.#context = context;
  }

  get attached(): boolean {
    return this.#tail !== undefined;
  }

  get indexed(): boolean {
    return this.#tail?.indexed ?? false;
  }

  /** Offset of the newest publication that this edge has handed on. */
  get head(): number {
    return this.#tail?.head ?? 0;
  }

  /** Nothing where the lane is attached; else what resolves when it is. Attaching goes on, with backoff, until it succeeds. */
  ready(): Promise<void> | undefined {
    if (this.#tail !== undefined) return undefined;
    if (this.#attaching === undefined) {
      this.#attaching = new Deferred<void>();
      this.#attaching.promise.catch(() => undefined);
      void this.#attach(new Backoff({ initialMs: 100, maxMs: 5_000 }));
    }
    return this.#attaching.promise;
  }

  pin(): void {
    this.#pinned = true;
    void this.ready();
  }

  /**
   * Puts a subscriber into the channel's live set, in this very turn: what was handed on before isn't sent to it, all that
   * comes after is. Only while attached.
   */
  join(name: string, subscriber: Subscriber, positioned: boolean): Subscription {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    let channel = this.#interest.get(name);
    if (channel === undefined) {
      channel = new LiveChannel(name, this);
      this.#interest.add(channel);
      this.#context.metrics.channels.inc();
    } else this.#context.flusher.flush(channel);
    const subscription = new Subscription(channel, subscriber, positioned);
    channel.add(subscription);
    subscriber.socket.subscribe(channel.topic(subscriber.variant));
    this.#context.metrics.subscriptions.inc();
    return subscription;
  }

  leave(subscription: Subscription): void {
    const channel = subscription.channel;
    if (!channel.remove(subscription)) return;
    this.#context.metrics.subscriptions.dec();
    // What was handed on while it was subscribed is its to have; the socket leaves the topic after that.
    this.#context.flusher.flush(channel);
    subscription.subscriber.socket.unsubscribe(channel.topic(subscription.subscriber.variant));
    if (channel.subscriptions.size > 0) return;
    this.#interest.remove(channel);
    this.#context.flusher.forget(channel);
    this.#context.metrics.channels.dec();
    if (this.#interest.size === 0 && !this.#pinned && !this.#closed) {
      this.#linger = setTimeout(() => void this.#detach(), lingerMs);
      this.#linger.unref();
    }
  }

  entry(entry: LaneEntry): void {
    const cursor = entry.publications();
    const interest = this.#interest;
    let foreign = 0;
    while (cursor.next()) {
      const channel = interest.find(cursor);
      if (channel === undefined) {
        if (!cursor.routed()) this.#misrouted(cursor.channel());
        else foreign++;
      } else if (!cursor.routed()) this.#misrouted(cursor.channel());
      else if (!cursor.hasProperties || !cursor.isMarker())
        this.#context.flusher.add(channel, cursor, entry.publishTimeMs);
    }
    const metrics = this.#context.metrics;
    metrics.entriesRead.inc();
    metrics.publicationsRead.inc({ interest: 'local' }, entry.count - foreign);
    if (foreign > 0) metrics.publicationsRead.inc({ interest: 'none' }, foreign);
  }

  turnEnd(): void {
    this.#context.flusher.turnEnd();
  }

  hole(hole: Hole): void {
    this.#context.metrics.holes.inc({ kind: hole.kind });
    if (hole.kind === 'broker') return;
    this.#context.logger.error(
      { topic: this.log.topic, lane: this.lane, from: hole.from, to: hole.to },
      'publications were lost before this edge could read them (retention too short, or the log was cut)',
    );
    this.#tellPositioned();
  }

  connection(connected: boolean): void {
    this.#context.metrics.lanesConnected.inc(connected ? 1 : -1);
    this.#context.logger[connected ? 'info' : 'warn'](
      { topic: this.log.topic, lane: this.lane },
      connected ? 'lane connected' : 'lane lost its connection; live publications wait until it is back',
    );
  }

  /** The log was deleted or recreated: what subscribers know of their position is worth nothing, and the lane begins anew. */
  ended(error: Error): void {
    this.#context.logger.error(
      { err: error, topic: this.log.topic, lane: this.lane },
      'the lane ended; attaching anew',
    );
    this.#dropTail();
    this.#tellPositioned();
    if (!this.#closed) void this.ready();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#linger);
    clearTimeout(this.#retry);
    const tail = this.#dropTail();
    await tail?.close();
  }

  async #attach(backoff: Backoff): Promise<void> {
    const waiting = this.#attaching as Deferred<void>;
    try {
      const tail = await this.log.attach(this.lane, this);
      if (this.#closed) return await tail.close();
      this.#tail = tail;
      this.#attaching = undefined;
      this.#context.metrics.lanesAttached.inc();
      if (tail.connected) this.#context.metrics.lanesConnected.inc();
      if (!tail.indexed)
        this.#context.logger.warn({ topic: this.log.topic }, 'the broker gives no index: live delivery only');
      waiting.resolve();
    } catch (error) {
      if (this.#closed) return waiting.reject(error);
      const delayMs = backoff.next();
      this.#context.logger.error(
        { err: error, topic: this.log.topic, lane: this.lane, delayMs },
        'could not attach a lane',
      );
      this.#retry = setTimeout(() => void this.#attach(backoff), delayMs);
    }
  }

  async #detach(): Promise<void> {
    if (this.#interest.size > 0) return;
    const tail = this.#dropTail();
    try {
      await tail?.close();
    } catch (error) {
      this.#context.logger.warn({ err: error, topic: this.log.topic, lane: this.lane }, 'closing an idle lane failed');
    }
  }

  #dropTail(): LaneTail | undefined {
    const tail = this.#tail;
    this.#tail = undefined;
    if (tail === undefined) return undefined;
    this.#context.metrics.lanesAttached.dec();
    if (tail.connected) this.#context.metrics.lanesConnected.dec();
    return tail;
  }

  #tellPositioned(): void {
    for (const channel of [...this.#interest.channels()]) {
      for (const subscription of [...channel.subscriptions]) {
        if (subscription.positioned) subscription.subscriber.insufficientState(channel.name);
      }
    }
  }

  #misrouted(channel: string): void {
    this.#context.metrics.publicationsMisrouted.inc();
    this.#context.logger.warn(
      { topic: this.log.topic, lane: this.lane, belongsTo: this.log.laneOf(channel) },
      'a message lies in a lane that its key does not belong to (its producer routes otherwise than JavaStringHash); not delivered',
    );
  }
}
