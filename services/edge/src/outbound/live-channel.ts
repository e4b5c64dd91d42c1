import { javaStringHash } from '@pharos/bytes';

import { ChannelPack } from './channel-pack.ts';
import type { Subscriber } from './subscriber.ts';

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

/** A channel with at least one subscriber on this edge. */
export class LiveChannel {
  readonly name: string;
  /** UTF-8 of the name, to be compared with message keys in place. */
  readonly key: Buffer;
  readonly keyHash: number;
  readonly feed: LiveSource;
  readonly kind: LiveKind;
  readonly subscriptions: Set<Subscription> = new Set();
  readonly pack: ChannelPack;
  jsonSubscribers = 0;
  textSubscribers = 0;
  /** Bytes handed to the sockets of this channel since they were last swept. */
  bytesSinceSweep = 0;

  constructor(name: string, feed: LiveSource, kind: LiveKind = 'publications') {
    this.name = name;
    this.key = Buffer.from(name);
    this.keyHash = javaStringHash(name);
    this.feed = feed;
    this.kind = kind;
    this.pack = new ChannelPack(name);
  }

  /** Names of the native publish topics, one for each variant. */
  topic(variant: 'json' | 'text'): string {
    if (this.kind === 'lifecycle') return `l:${this.name}`;
    return variant === 'json' ? `j:${this.name}` : `t:${this.name}`;
  }

  add(subscription: Subscription): void {
    this.subscriptions.add(subscription);
    if (subscription.subscriber.variant === 'json') this.jsonSubscribers++;
    else this.textSubscribers++;
  }

  remove(subscription: Subscription): boolean {
    if (!this.subscriptions.delete(subscription)) return false;
    if (subscription.subscriber.variant === 'json') this.jsonSubscribers--;
    else this.textSubscribers--;
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
