import { javaStringHash } from '@pharos/bytes';

import { DeltaGroup } from './delta-group.ts';
import { type DeliveryGroup, PackedGroup, TextGroup } from './delivery-group.ts';
import { plainShape, type Shape, type Subscriber, type Variant } from './subscriber.ts';

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
  /** Pushes carry the channel's number. */
  readonly isCompact: boolean;
  readonly group: DeliveryGroup;
  companion: Companion | undefined;

  constructor(
    channel: LiveChannel,
    subscriber: Subscriber,
    positioned: boolean,
    isCompact: boolean,
    group: DeliveryGroup,
  ) {
    this.channel = channel;
    this.subscriber = subscriber;
    this.positioned = positioned;
    this.isCompact = isCompact;
    this.group = group;
  }
}

const variantLetters: Readonly<Record<Variant, string>> = { json: 'j', protobuf: 'p', text: 't' };

/** A channel with at least one subscriber on this edge. */
export class LiveChannel {
  readonly name: string;
  /** UTF-8 of the name, to be compared with message keys in place. */
  readonly key: Buffer;
  readonly keyHash: number;
  readonly feed: LiveSource;
  readonly kind: LiveKind;
  /** Stands for the name where a subscriber asks for it. */
  readonly number: number;
  readonly subscriptions: Set<Subscription> = new Set();
  /** Who is sent the same; nearly always one, rarely more than a few. None is empty. */
  readonly groups: DeliveryGroup[] = [];
  /** Bytes handed to the sockets of this channel since they were last swept. */
  bytesSinceSweep = 0;
  #filtersMade = 0;

  constructor(name: string, feed: LiveSource, number: number, kind: LiveKind = 'publications') {
    this.name = name;
    this.key = Buffer.from(name);
    this.keyHash = javaStringHash(name);
    this.feed = feed;
    this.number = number;
    this.kind = kind;
  }

  /** Whether the filter is one of at most `limit` different ones. */
  admits(canonicalFilter: string, limit: number): boolean {
    const filters = new Set<string>();
    for (const { filter } of this.groups) if (filter !== undefined) filters.add(filter.canonical);
    return filters.size < limit || filters.has(canonicalFilter);
  }

  add(subscriber: Subscriber, positioned: boolean, shape: Shape = plainShape): Subscription {
    const group = this.#group(subscriber.variant, shape);
    const subscription = new Subscription(this, subscriber, positioned, shape.compact, group);
    this.subscriptions.add(subscription);
    group.add(subscription);
    return subscription;
  }

  remove(subscription: Subscription): boolean {
    if (!this.subscriptions.delete(subscription)) return false;
    const { group } = subscription;
    group.remove(subscription);
    if (group.size === 0) this.groups.splice(this.groups.indexOf(group), 1);
    return true;
  }

  /** Whether the message key in `bytes[start, end)` is this channel's name. */
  hasKey(bytes: Buffer, start: number, end: number): boolean {
    const key = this.key;
    if (end - start !== key.length) return false;
    for (let index = 0; index < key.length; index++) if (bytes[start + index] !== key[index]) return false;
    return true;
  }

  #group(variant: Variant, shape: Shape): DeliveryGroup {
    const key = keyOf(variant, shape);
    for (const group of this.groups) if (group.key === key) return group;
    const made = this.#newGroup(key, variant, shape);
    this.groups.push(made);
    return made;
  }

  /** What stands before the first colon of a topic says all but the channel, so that no name makes one topic into another. */
  #newGroup(key: string, variant: Variant, shape: Shape): DeliveryGroup {
    const { name } = this;
    const kind = this.kind === 'lifecycle' ? 'l' : '';
    if (variant === 'text') return new TextGroup(key, `${kind}${key}:${name}`);
    const ref = shape.compact ? { channel: name, id: this.number } : { channel: name };
    if (shape.delta) return new DeltaGroup(key, `${kind}${key}:${name}`, `${kind}${key}n:${name}`, variant, ref);
    if (shape.filter === undefined) return new PackedGroup(key, `${kind}${key}:${name}`, variant, ref, undefined);
    // The filter itself may be long.
    const topic = `${kind}${keyOf(variant, { ...shape, filter: undefined })}f${++this.#filtersMade}:${name}`;
    return new PackedGroup(key, topic, variant, ref, shape.filter);
  }
}

function keyOf(variant: Variant, { compact, delta, filter }: Shape): string {
  const letter = variantLetters[variant];
  if (variant === 'text') return letter;
  const key = compact ? `${letter}c` : letter;
  if (delta) return `${key}d`;
  return filter === undefined ? key : `${key}f${filter.canonical}`;
}
