import type { PublicationCursor } from '@pharos/bus';
import { type Encoding, jsonCodec, type Push, protobufCodec } from '@pharos/client-protocol';
import type { SocketServer } from '@pharos/socket-server';

import type { EdgeMetrics } from '../metrics.ts';
import { BuilderPool, type ChannelPack } from './channel-pack.ts';
import type { LiveChannel } from './live-channel.ts';
import { PublicationView } from './publication-view.ts';
import type { SlowSweep } from './slow-sweep.ts';
import type { Variant } from './subscriber.ts';

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
    const { subscribers } = channel;
    if (subscribers.text > 0) {
      // A text client reads one publication a message, so there is nothing to pack.
      this.#publish(channel, 'text', publication.text(), 1);
    }
    if (subscribers.json > 0) this.#add(channel, 'json', publication);
    if (subscribers.protobuf > 0) this.#add(channel, 'protobuf', publication);
  }

  /** Takes a push of a channel that isn't one of publications. It is written out once for each encoding. */
  addPush(channel: LiveChannel, push: Push): void {
    for (const { encoding, encodePush } of [jsonCodec, protobufCodec]) {
      if (channel.subscribers[encoding] === 0) continue;
      const pack = channel.pack(encoding);
      pack.addMessage(encodePush(push), this.#pool);
      this.#packed(channel, pack);
    }
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
    const { jsonPack, protobufPack } = channel;
    jsonPack?.flush(this.#pool, (frame, count) => this.#publish(channel, 'json', frame, count));
    protobufPack?.flush(this.#pool, (frame, count) => this.#publish(channel, 'protobuf', frame, count));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dirty.clear();
  }

  #add(channel: LiveChannel, encoding: Encoding, publication: PublicationView): void {
    const pack = channel.pack(encoding);
    pack.add(publication, this.#pool);
    this.#packed(channel, pack);
  }

  #packed(channel: LiveChannel, pack: ChannelPack): void {
    if (pack.bytes >= maxPackBytes) this.flush(channel);
    else this.#dirty.add(channel);
  }

  #flushAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastFlushMs = performance.now();
    for (const channel of this.#dirty) this.flush(channel);
  }

  #publish(channel: LiveChannel, variant: Variant, frame: Buffer, publications: number): void {
    this.#server.publish(channel.topic(variant), frame, variant === 'protobuf');
    const subscribers = channel.subscribers[variant];
    this.#sweep.published(channel, frame.length);
    const counted = channel.kind === 'lifecycle' ? channel.kind : variant;
    this.#metrics.framesPublished.inc({ variant: counted });
    this.#metrics.deliveries.inc({ variant: counted }, publications * subscribers);
    this.#metrics.deliveredBytes.inc({ variant: counted }, frame.length * subscribers);
  }
}
