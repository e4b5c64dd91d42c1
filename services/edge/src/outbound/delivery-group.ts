// Hot path: every publication goes through `take` of each group of its channel.
import { type ChannelRef, type Encoding, jsonCodec, protobufCodec, type Push } from '@pharos/client-protocol';

import { type BuilderPool, ChannelPack } from './channel-pack.ts';
import type { Subscription } from './live-channel.ts';
import type { PublicationView } from './publication-view.ts';
import type { Variant } from './subscriber.ts';
import type { TagFilter } from './tag-filter.ts';

/** A push about a channel. */
export type ChannelPush = Extract<Push, ChannelRef>;

/** Where the frames of groups go. */
export interface Outlet {
  readonly pool: BuilderPool;
  /** @param subscribers how many the topic has */
  send(topic: string, variant: Variant, frame: Buffer, publications: number, subscribers: number): void;
  /** A publication went out as its difference to the one before, or could have; `savedBytes` over all who got it. */
  deltaMade(isDelta: boolean, savedBytes: number): void;
}

/** Subscribers of a channel that are sent the same frames, by a topic of the native publish. */
export interface DeliveryGroup {
  /** What distinguishes it from the channel's other groups. */
  readonly key: string;
  readonly variant: Variant;
  readonly filter: TagFilter | undefined;
  readonly size: number;
  /** Bytes that wait to be flushed. */
  readonly bytes: number;
  add(subscription: Subscription): void;
  remove(subscription: Subscription): void;
  take(publication: PublicationView, outlet: Outlet): void;
  /** A push that isn't a publication. */
  takePush(push: ChannelPush, outlet: Outlet): void;
  /** Sends what waits. */
  flush(outlet: Outlet): void;
}

/** Those that get all publications, or those that a filter lets through, as they are. */
export class PackedGroup implements DeliveryGroup {
  readonly key: string;
  readonly variant: Encoding;
  readonly filter: TagFilter | undefined;
  readonly #ref: ChannelRef;
  readonly #topic: string;
  /** Made with the first publication: most channels are quiet. */
  #pack: ChannelPack | undefined;
  #size = 0;

  constructor(key: string, topic: string, encoding: Encoding, ref: ChannelRef, filter: TagFilter | undefined) {
    this.key = key;
    this.variant = encoding;
    this.filter = filter;
    this.#ref = ref;
    this.#topic = topic;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#pack?.bytes ?? 0;
  }

  add({ subscriber }: Subscription): void {
    this.#size++;
    subscriber.socket.subscribe(this.#topic);
  }

  remove({ subscriber }: Subscription): void {
    this.#size--;
    subscriber.socket.unsubscribe(this.#topic);
  }

  take(publication: PublicationView, { pool }: Outlet): void {
    if (this.filter !== undefined && !this.filter.matches(publication.tags)) return;
    this.#packed.add(publication, pool);
  }

  takePush(push: ChannelPush, { pool }: Outlet): void {
    const { encodePush } = this.variant === 'json' ? jsonCodec : protobufCodec;
    this.#packed.addMessage(encodePush({ ...push, ...this.#ref }), pool);
  }

  flush(outlet: Outlet): void {
    this.#pack?.flush(outlet.pool, (frame, count) => {
      outlet.send(this.#topic, this.variant, frame, count, this.#size);
    });
  }

  get #packed(): ChannelPack {
    return (this.#pack ??= new ChannelPack(this.#ref, this.variant));
  }
}

/** Plain-text clients read one publication a message, so there is nothing to pack. */
export class TextGroup implements DeliveryGroup {
  readonly key: string;
  readonly variant = 'text';
  readonly filter: undefined;
  readonly bytes = 0;
  readonly #topic: string;
  #size = 0;

  constructor(key: string, topic: string) {
    this.key = key;
    this.#topic = topic;
  }

  get size(): number {
    return this.#size;
  }

  add({ subscriber }: Subscription): void {
    this.#size++;
    subscriber.socket.subscribe(this.#topic);
  }

  remove({ subscriber }: Subscription): void {
    this.#size--;
    subscriber.socket.unsubscribe(this.#topic);
  }

  take(publication: PublicationView, outlet: Outlet): void {
    outlet.send(this.#topic, 'text', publication.text(), 1, this.#size);
  }

  /** It has no form for anything but texts. */
  takePush(): void {}

  flush(): void {}
}
