import { javaStringHash } from '@pharos/bytes';
import type { Encoding } from '@pharos/client-protocol';

import { ChannelPack } from './channel-pack.ts';
import type { Subscriber, Variant } from './subscriber.ts';

/** What comes to a channel's subscribers. */
export type LiveKind = 'publications' | 'lifecycle';

/** Where a channel's subscriptions come from. */
export interface LiveSource {
  leave(subscription: Subscription): void;
}

/** What ends with a subscription: a place in the channel's presence, its joins and leaves. */
export interface Companion {
  leave(): void;
}

/** A subscriber in a channel's live set. */
export class Subscription {
  readonly channel: LiveChannel;
  readonly subscriber: Subscriber;
  /** Asked to be told (2500) where publications were lost. */
  readonly positioned: boolean;
  companion: Companion | undefined;

  constructor(channel: LiveChannel, subscriber: Subscriber, positioned: boolean) {
    this.channel = channel;
    this.subscriber = subscriber;
    this.positioned = positioned;
  }
}

const topicPrefixes: Readonly<Record<LiveKind, Readonly<Record<Variant, string>>>> = {
  publications: { json: 'j:', protobuf: 'p:', text: 't:' },
  lifecycle: { json: 'lj:', protobuf: 'lp:', text: 'lt:' },
};

/** A channel with at least one subscriber on this edge. */
export class LiveChannel {
  readonly name: string;
  /** UTF-8 of the name, to be compared with message keys in place. */
  readonly key: Buffer;
  readonly keyHash: number;
  readonly feed: LiveSource;
  readonly kind: LiveKind;
  readonly subscriptions: Set<Subscription> = new Set();
  /** Made when the first publication is packed: most channels have subscribers of one encoding. */
  jsonPack: ChannelPack | undefined;
  protobufPack: ChannelPack | undefined;
  /** How many want each variant. */
  readonly subscribers: Record<Variant, number> = { json: 0, protobuf: 0, text: 0 };
  /** Bytes handed to the sockets of this channel since they were last swept. */
  bytesSinceSweep = 0;

  constructor(name: string, feed: LiveSource, kind: LiveKind = 'publications') {
    this.name = name;
    this.key = Buffer.from(name);
    this.keyHash = javaStringHash(name);
    this.feed = feed;
    this.kind = kind;
  }

  /** Names of the native publish topics, one for each variant. */
  topic(variant: Variant): string {
    return `${topicPrefixes[this.kind][variant]}${this.name}`;
  }

  pack(encoding: Encoding): ChannelPack {
    if (encoding === 'json') return (this.jsonPack ??= new ChannelPack(this.name, encoding));
    return (this.protobufPack ??= new ChannelPack(this.name, encoding));
  }

  add(subscription: Subscription): void {
    this.subscriptions.add(subscription);
    this.subscribers[subscription.subscriber.variant]++;
  }

  remove(subscription: Subscription): boolean {
    if (!this.subscriptions.delete(subscription)) return false;
    this.subscribers[subscription.subscriber.variant]--;
    return true;
  }

  /** Whether the message key in `bytes[start, end)` is this channel's name. */
  hasKey(bytes: Buffer, start: number, end: number): boolean {
    const key = this.key;
    if (end - start !== key.length) return false;
    for (let index = 0; index < key.length; index++) if (bytes[start + index] !== key[index]) return false;
    return true;
  }
}
