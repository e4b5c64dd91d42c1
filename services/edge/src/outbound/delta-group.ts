import { type ChannelRef, createDelta, type Encoding, jsonString, type RawData } from '@pharos/client-protocol';

import { ChannelPack } from './channel-pack.ts';
import type { DeliveryGroup, Outlet } from './delivery-group.ts';
import type { Subscription } from './live-channel.ts';
import type { PublicationView } from './publication-view.ts';

/** A larger publication goes out whole, and so does the one after it: its copy would hold memory in each channel. */
const maxBaseBytes = 256 * 1024;

/**
 * Those that can apply a publication's difference to the channel's previous one.
 *
 * Who has just come has no previous one: it gets whole publications by a topic of its own until the first were sent, and changes
 * over in that turn. With JSON, data travels as a JSON string, deltas and whole publications alike.
 */
export class DeltaGroup implements DeliveryGroup {
  readonly key: string;
  readonly variant: Encoding;
  readonly filter: undefined;
  readonly #topic: string;
  readonly #newcomersTopic: string;
  readonly #newcomers = new Set<Subscription>();
  readonly #pack: ChannelPack;
  readonly #wholePack: ChannelPack;
  /** Who has the channel's previous publication. */
  #settled = 0;
  /** The channel's previous publication, a copy. */
  #base: Buffer | undefined;

  constructor(key: string, topic: string, newcomersTopic: string, encoding: Encoding, ref: ChannelRef) {
    this.key = key;
    this.variant = encoding;
    this.#topic = topic;
    this.#newcomersTopic = newcomersTopic;
    this.#pack = new ChannelPack(ref, encoding);
    this.#wholePack = new ChannelPack(ref, encoding);
  }

  get size(): number {
    return this.#settled + this.#newcomers.size;
  }

  get bytes(): number {
    return Math.max(this.#pack.bytes, this.#wholePack.bytes);
  }

  add(subscription: Subscription): void {
    this.#newcomers.add(subscription);
    subscription.subscriber.socket.subscribe(this.#newcomersTopic);
  }

  remove(subscription: Subscription): void {
    const { socket } = subscription.subscriber;
    if (this.#newcomers.delete(subscription)) socket.unsubscribe(this.#newcomersTopic);
    else {
      this.#settled--;
      socket.unsubscribe(this.#topic);
    }
  }

  take(publication: PublicationView, outlet: Outlet): void {
    const content = publication.content(this.variant);
    const whole = this.#onWire(content);
    if (this.#settled > 0) this.#takeForSettled(publication, content, whole, outlet);
    if (this.#newcomers.size > 0) this.#wholePack.addAs(publication, whole, false, outlet.pool);
    this.#base = content.length > maxBaseBytes ? undefined : Buffer.from(content);
  }

  /** Joins and leaves have groups of their own. */
  takePush(): void {}

  flush(outlet: Outlet): void {
    this.#pack.flush(outlet.pool, (frame, count) => {
      outlet.send(this.#topic, this.variant, frame, count, this.#settled);
    });
    this.#wholePack.flush(outlet.pool, (frame, count) => {
      outlet.send(this.#newcomersTopic, this.variant, frame, count, this.#newcomers.size);
      this.#settle();
    });
  }

  #takeForSettled(publication: PublicationView, content: Buffer, whole: RawData, outlet: Outlet): void {
    const base = publication.asksForDelta && content.length <= maxBaseBytes ? this.#base : undefined;
    const delta = base === undefined ? undefined : this.#onWire(createDelta(base, content, this.variant === 'json'));
    const isDelta = delta !== undefined && delta.length < whole.length;
    this.#pack.addAs(publication, isDelta ? delta : whole, isDelta, outlet.pool);
    if (publication.asksForDelta) {
      outlet.deltaMade(isDelta, isDelta ? (whole.length - delta.length) * this.#settled : 0);
    }
  }

  #onWire(content: Buffer): RawData {
    return this.variant === 'json' ? jsonString(content) : content;
  }

  /** The newcomers have the channel's previous publication now. What was handed on by the old topic stays theirs. */
  #settle(): void {
    for (const { subscriber } of this.#newcomers) {
      subscriber.socket.unsubscribe(this.#newcomersTopic);
      subscriber.socket.subscribe(this.#topic);
    }
    this.#settled += this.#newcomers.size;
    this.#newcomers.clear();
  }
}
