import type { PublicationCursor } from '@pharos/bus';

import type { Tracing } from '@pharos/telemetry';

import type { EdgeMetrics } from '../metrics.ts';
import { BuilderPool } from './channel-pack.ts';
import type { ChannelPush, Outlet } from './delivery-group.ts';
import { DeliveryTrace } from './delivery-trace.ts';
import type { LiveChannel } from './live-channel.ts';
import { PublicationView } from './publication-view.ts';
import type { Publishing } from './relay.ts';
import type { SlowSweep } from './slow-sweep.ts';
import type { Variant } from './subscriber.ts';

/**
 * While publications come faster than this they are collected for as long and go out as one frame a channel; an idle lane's
 * go out at once. The price of a delivery is the socket write, whatever its size.
 */
const flushWindowMs = 2;
/** A pack as large as this goes out whatever the window says: larger frames gain nothing and hold memory. */
const maxPackBytes = 64 * 1024;

/** Collects the publications of each channel and hands them to the sockets, one frame a channel, group and tick. */
export class Flusher {
  readonly #sockets: Publishing;
  readonly #sweep: SlowSweep;
  readonly #metrics: EdgeMetrics;
  readonly #dirty = new Set<LiveChannel>();
  readonly #outlet: Outlet;
  readonly #trace: DeliveryTrace | undefined;
  /** Whose frames the outlet is handed. */
  #channel: LiveChannel | undefined;
  #lastFlushMs = 0;
  /** When the oldest publication of this flush was taken, and when the log had it; 0 where none was. */
  #takenMs = 0;
  #publishedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(sockets: Publishing, sweep: SlowSweep, metrics: EdgeMetrics, tracing?: Tracing) {
    this.#trace = tracing === undefined ? undefined : new DeliveryTrace(tracing);
    this.#sockets = sockets;
    this.#sweep = sweep;
    this.#metrics = metrics;
    metrics.readQueueBytes = () => sweep.queueBytes;
    this.#outlet = {
      pool: new BuilderPool(),
      send: (...frame) => this.#publish(...frame),
      deltaMade: (isDelta, savedBytes) => {
        metrics.deltas.inc({ outcome: isDelta ? 'delta' : 'whole' });
        if (savedBytes > 0) metrics.deltaSavedBytes.inc(savedBytes);
      },
    };
  }

  /** Takes the publication under the cursor. It is looked at and written out once for each group, however many subscribers it has. */
  add(channel: LiveChannel, cursor: PublicationCursor, publishTimeMs: number): void {
    if (this.#takenMs === 0) {
      this.#takenMs = performance.now();
      this.#publishedMs = publishTimeMs;
    }
    const publication = PublicationView.at(cursor, publishTimeMs);
    if (this.#trace !== undefined && cursor.hasProperties) this.#trace.took(channel, publication);
    this.#channel = channel;
    for (const group of channel.groups) group.take(publication, this.#outlet);
    this.#taken(channel);
  }

  /** Takes a push of a channel that isn't one of publications. It is written out once for each group. */
  addPush(channel: LiveChannel, push: ChannelPush): void {
    for (const group of channel.groups) group.takePush(push, this.#outlet);
    this.#taken(channel);
  }

  /** The lane has nothing more for this turn. */
  turnEnd(): void {
    if (this.#timer !== undefined) return;
    // What isn't packed is with the sockets already.
    if (this.#dirty.size === 0) return this.#measure();
    const sinceMs = performance.now() - this.#lastFlushMs;
    if (sinceMs >= flushWindowMs) this.#flushAll();
    else this.#timer = setTimeout(() => this.#flushAll(), flushWindowMs);
  }

  /** Sends what is collected for one channel now: before somebody joins or leaves its live set. */
  flush(channel: LiveChannel): void {
    this.#dirty.delete(channel);
    this.#channel = channel;
    for (const group of channel.groups) group.flush(this.#outlet);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dirty.clear();
  }

  #taken(channel: LiveChannel): void {
    let bytes = 0;
    for (const group of channel.groups) if (group.bytes > bytes) bytes = group.bytes;
    if (bytes >= maxPackBytes) this.flush(channel);
    else if (bytes > 0) this.#dirty.add(channel);
  }

  #flushAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastFlushMs = performance.now();
    for (const channel of this.#dirty) this.flush(channel);
    this.#measure();
  }

  #measure(): void {
    if (this.#takenMs === 0) return;
    this.#metrics.fanoutSeconds.observe((performance.now() - this.#takenMs) / 1000);
    // Two clocks, the broker's and this one's, may differ a little.
    this.#metrics.deliverySeconds.observe(Math.max(0, Date.now() - this.#publishedMs) / 1000);
    this.#takenMs = 0;
    this.#trace?.flushed();
  }

  #publish(topic: string, variant: Variant, frame: Buffer, publications: number, subscribers: number): void {
    this.#sockets.publish(topic, frame, variant === 'protobuf');
    const channel = this.#channel as LiveChannel;
    this.#sweep.published(channel, frame.length);
    const counted = channel.kind === 'lifecycle' ? channel.kind : variant;
    this.#metrics.framesPublished.inc({ variant: counted });
    this.#metrics.deliveries.inc({ variant: counted }, publications * subscribers);
    this.#metrics.deliveredBytes.inc({ variant: counted }, frame.length * subscribers);
  }
}
