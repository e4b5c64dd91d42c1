import type { PublicationCursor } from '@pharos/bus';
import type { SocketServer } from '@pharos/socket-server';

import type { EdgeMetrics } from '../metrics.ts';
import { BuilderPool } from './channel-pack.ts';
import type { LiveChannel } from './live-channel.ts';
import { PublicationView } from './publication-view.ts';
import type { SlowSweep } from './slow-sweep.ts';

/**
 * While publications come faster than this they are collected for as long and go out as one frame a channel; an idle lane's
 * go out at once. The price of a delivery is the socket write, whatever its size.
 */
const flushWindowMs = 2;
/** A pack as large as this goes out whatever the window says: larger frames gain nothing and hold memory. */
const maxPackBytes = 64 * 1024;

/** Collects the publications of each channel and hands them to the sockets, one frame a channel, variant and tick. */
export class Flusher {
  readonly #server: SocketServer;
  readonly #sweep: SlowSweep;
  readonly #metrics: EdgeMetrics;
  readonly #pool = new BuilderPool();
  readonly #dirty = new Set<LiveChannel>();
  #lastFlushMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: SocketServer, sweep: SlowSweep, metrics: EdgeMetrics) {
    this.#server = server;
    this.#sweep = sweep;
    this.#metrics = metrics;
  }

  /** Takes the publication under the cursor. It is looked at and written out once, however many subscribers it has. */
  add(channel: LiveChannel, cursor: PublicationCursor, publishTimeMs: number): void {
    const publication = PublicationView.at(cursor, publishTimeMs);
    if (channel.textSubscribers > 0) {
      // A text client reads one publication a message, so there is nothing to pack.
      this.#publish(channel, 'text', publication.text(), 1);
    }
    if (channel.jsonSubscribers > 0) {
      channel.pack.add(publication, this.#pool);
      this.#packed(channel);
    }
  }

  /** Takes a push that is encoded already, of a channel that isn't one of publications. */
  addPush(channel: LiveChannel, push: Buffer): void {
    if (channel.jsonSubscribers === 0) return;
    channel.pack.addMessage(push, this.#pool);
    this.#packed(channel);
  }

  /** The lane has nothing more for this turn. */
  turnEnd(): void {
    if (this.#dirty.size === 0 || this.#timer !== undefined) return;
    const sinceMs = performance.now() - this.#lastFlushMs;
    if (sinceMs >= flushWindowMs) this.#flushAll();
    else this.#timer = setTimeout(() => this.#flushAll(), flushWindowMs);
  }

  /** Sends what is collected for one channel now: before somebody joins or leaves its live set. */
  flush(channel: LiveChannel): void {
    this.#dirty.delete(channel);
    channel.pack.flush(this.#pool, (frame, count) => this.#publish(channel, 'json', frame, count));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dirty.clear();
  }

  #packed(channel: LiveChannel): void {
    if (channel.pack.bytes >= maxPackBytes) this.flush(channel);
    else this.#dirty.add(channel);
  }

  #flushAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastFlushMs = performance.now();
    for (const channel of this.#dirty) this.flush(channel);
  }

  #publish(channel: LiveChannel, variant: 'json' | 'text', frame: Buffer, publications: number): void {
    this.#server.publish(channel.topic(variant), frame, false);
    const subscribers = variant === 'json' ? channel.jsonSubscribers : channel.textSubscribers;
    this.#sweep.published(channel, frame.length);
    const counted = channel.kind === 'lifecycle' ? channel.kind : variant;
    this.#metrics.framesPublished.inc({ variant: counted });
    this.#metrics.deliveries.inc({ variant: counted }, publications * subscribers);
    this.#metrics.deliveredBytes.inc({ variant: counted }, frame.length * subscribers);
  }
}
