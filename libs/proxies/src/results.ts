import type { Fields, RawData } from '@pharos/client-protocol';
import { dataOf, expireAtOf, infoOf, invalid, jsonOf } from './answer.ts';

/** Options of a namespace that the backend decides for one subscription; undefined: as the namespace has it. */
export interface SubscriptionOverride {
  readonly presence?: boolean;
  readonly joinLeave?: boolean;
  readonly forcePushJoinLeave?: boolean;
  readonly forcePositioning?: boolean;
  readonly forceRecovery?: boolean;
}

/** What a backend says of a subscription. */
export interface SubscriptionResult {
  /** Shown to others with the subscription: JSON. */
  readonly info: RawData | undefined;
  /** Sent to the client with the answer: bytes of any kind. */
  readonly data: RawData | undefined;
  /** In seconds since 1970; undefined: never. */
  readonly expireAt: number | undefined;
  readonly override: SubscriptionOverride;
}

export interface ConnectionResult {
  /** Empty: anonymous. */
  readonly user: string;
  readonly info: RawData | undefined;
  readonly data: RawData | undefined;
  readonly expireAt: number | undefined;
  /** JSON that goes with later requests to the backend and never to clients. */
  readonly meta: RawData | undefined;
  /** What the client is subscribed to by the server. */
  readonly subs: ReadonlyMap<string, SubscriptionResult>;
}

export interface RefreshResult {
  readonly expired: boolean;
  readonly expireAt: number | undefined;
  readonly info: RawData | undefined;
  /** Of connections only. */
  readonly meta: RawData | undefined;
}

export interface PublishResult {
  /** In place of what the client sent; undefined: that. */
  readonly data: RawData | undefined;
  readonly skipHistory: boolean;
  readonly tags: ReadonlyMap<string, string>;
  readonly delta: boolean;
}

export interface RpcResult {
  readonly data: RawData | undefined;
}

/** Pharos's own, and the trace context, which travels beside the tags. */
const reservedTag = /^pharos-|^trace(parent|state)$/;

const plain: SubscriptionResult = { info: undefined, data: undefined, expireAt: undefined, override: {} };

/** @param leftOut told of what an answer has and Pharos doesn't, where to leave it out allows nobody more */
export type LeftOut = (name: string) => void;

export function connectionResult(fields: Fields, leftOut: LeftOut): ConnectionResult {
  // Further permissions, and names for the paid edition.
  if (fields.objects('caps').length > 0) leftOut('caps');
  if (fields.stringMap('labels').size > 0) leftOut('labels');
  const subs = new Map<string, SubscriptionResult>();
  for (const channel of fields.strings('channels')) subs.set(channel, plain);
  for (const [channel, options] of fields.objectMap('subs')) subs.set(channel, subscriptionResult(options, leftOut));
  return {
    user: fields.string('user'),
    info: infoOf(fields),
    data: dataOf(fields),
    expireAt: expireAtOf(fields),
    meta: jsonOf(fields, 'meta'),
    subs,
  };
}

export function subscriptionResult(fields: Fields, leftOut: LeftOut): SubscriptionResult {
  if (fields.object('server_tags_filter') !== undefined)
    throw invalid('server_tags_filter: Pharos has none, and without it the client would be sent what it must not see');
  if (fields.strings('allow').length > 0) leftOut('allow');
  if (fields.boolean('cache_recover')) leftOut('cache_recover');
  return { info: infoOf(fields), data: dataOf(fields), expireAt: expireAtOf(fields), override: overridesOf(fields) };
}

export function refreshResult(fields: Fields, leftOut: LeftOut): RefreshResult {
  if (fields.objects('caps').length > 0) leftOut('caps');
  return {
    expired: fields.boolean('expired'),
    expireAt: expireAtOf(fields),
    info: infoOf(fields),
    meta: jsonOf(fields, 'meta'),
  };
}

export function publishResult(fields: Fields): PublishResult {
  // Both would be taken for a promise that a publication which comes twice is kept once.
  for (const name of ['idempotency_key', 'version_epoch']) {
    if (fields.string(name) !== '') throw invalid(`${name}: an edge publishes without it; use the server API`);
  }
  if (fields.uint53('version') !== 0) throw invalid('version: an edge publishes without it');
  const tags = fields.stringMap('tags');
  for (const name of tags.keys()) {
    if (name === '' || reservedTag.test(name))
      throw invalid('tags: a name that begins with pharos-, or is taken otherwise');
  }
  return {
    data: dataOf(fields),
    skipHistory: fields.boolean('skip_history'),
    tags,
    delta: fields.boolean('delta'),
  };
}

export function rpcResult(fields: Fields): RpcResult {
  return { data: dataOf(fields) };
}

function overridesOf(fields: Fields): SubscriptionOverride {
  const override = fields.object('override');
  const value = (name: string): boolean | undefined => override?.object(name)?.boolean('value');
  const values = {
    presence: value('presence'),
    joinLeave: value('join_leave'),
    forcePushJoinLeave: value('force_push_join_leave'),
    forcePositioning: value('force_positioning'),
    forceRecovery: value('force_recovery'),
  };
  return Object.fromEntries(Object.entries(values).filter(([, one]) => one !== undefined)) as SubscriptionOverride;
}
