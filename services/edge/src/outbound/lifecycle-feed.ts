import type { Hole, LaneEntry } from '@pharos/bus';
import { decodeLifecycleEvent, type LivingLog } from '@pharos/channels';
import { LeaveIds } from '@pharos/presence';

import type { FeedContext } from './lane-feed.ts';
import { type AttachedLane, LaneAttachment } from './lane-attachment.ts';
import type { LiveChannel, LiveSource, Subscription } from './live-channel.ts';
import { LiveSet } from './live-set.ts';
import { plainShape } from './subscriber.ts';

/** As with lanes of publications: the next subscriber finds it attached. */
const lingerMs = 60_000;
/** Repetitions come from a crash of who published, or from two at once: what came in the meantime is less than this. */
const keptIds = 20_000;

/**
 * One lane of a lifecycle topic as this edge follows it: attached while somebody here wants the joins and leaves of a channel in
 * it. Each is written out once, whatever number of subscribers it has.
 */
export class LifecycleFeed implements AttachedLane, LiveSource {
  readonly log: LivingLog;
  readonly lane: number;
  readonly prefill: undefined;
  readonly #context: FeedContext;
  readonly #attachment: LaneAttachment;
  readonly #live: LiveSet;
  readonly #ids = new LeaveIds(keptIds);
  #linger: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(log: LivingLog, lane: number, context: FeedContext) {
    this.log = log;
    this.lane = lane;
    this.#context = context;
    this.#attachment = new LaneAttachment(log, lane, this, context);
    const { lifecycleChannels: channels, lifecycleSubscriptions: subscriptions } = context.metrics.presence;
    this.#live = new LiveSet({ kind: 'lifecycle', source: this, flusher: context.flusher, channels, subscriptions });
  }

  get attached(): boolean {
    return this.#attachment.tail !== undefined;
  }

  get wanted(): boolean {
    return this.#live.interest.size > 0;
  }

  /** Resolves when the lane is attached, at most `timeoutMs` from now. @throws DeadlineExceeded, BusError `closed` */
  ready(timeoutMs: number): Promise<void> {
    return this.#attachment.ready(timeoutMs);
  }

  /** From this turn on the subscriber is sent the channel's joins and leaves, named as its publications are. */
  join({ channel, subscriber, isCompact }: Subscription): Subscription {
    clearTimeout(this.#linger);
    this.#attachment.start();
    const shape = { ...plainShape, compact: isCompact };
    return this.#live.join(channel.name, subscriber, true, shape, () => channel.number);
  }

  leave(subscription: Subscription): void {
    this.#live.leave(subscription);
    this.#lingerIfUnwanted();
  }

  past(): void {}

  restarted(): void {}

  began(): void {
    this.#lingerIfUnwanted();
  }

  entry(entry: LaneEntry): void {
    const cursor = entry.publications();
    while (cursor.next()) {
      const channel = this.#live.interest.find(cursor, cursor.keyHash());
      if (channel === undefined || !cursor.routed() || (cursor.hasProperties && cursor.isMarker())) continue;
      this.#take(channel, cursor.buffer.subarray(cursor.dataStart, cursor.dataEnd));
    }
    this.#context.metrics.entriesRead.inc();
  }

  turnEnd(): void {
    this.#context.flusher.turnEnd();
  }

  lost({ from, to }: Hole): void {
    const { topic } = this.log;
    this.#context.logger.error(
      { topic, lane: this.lane, from, to },
      'joins and leaves were lost before they were read',
    );
    this.#tellAll();
  }

  /** What comes live goes on, and nobody resumes here. */
  indexLost(): void {}

  ended(error: Error): void {
    const { topic } = this.log;
    this.#context.logger.error(
      { err: error, topic, lane: this.lane },
      'a lane of joins and leaves ended; attaching anew',
    );
    this.#tellAll();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#linger);
    await this.#attachment.close();
  }

  #take(channel: LiveChannel, data: Buffer): void {
    const { received } = this.#context.metrics.presence;
    const event = decodeLifecycleEvent(channel.name, data);
    if (event === undefined) return received.inc({ kind: 'invalid' });
    if (!this.#ids.first(event.id)) return received.inc({ kind: 'repeated' });
    received.inc({ kind: event.type });
    this.#context.flusher.addPush(channel, { kind: event.type, channel: channel.name, info: event.info });
  }

  /** Who counts along must begin anew, from what presence says. */
  #tellAll(): void {
    for (const channel of [...this.#live.interest.channels()]) {
      for (const { subscriber } of [...channel.subscriptions]) subscriber.insufficientState(channel.name);
    }
  }

  #lingerIfUnwanted(): void {
    if (this.wanted || this.#closed) return;
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => void this.#attachment.detach(), lingerMs);
    this.#linger.unref();
  }
}
