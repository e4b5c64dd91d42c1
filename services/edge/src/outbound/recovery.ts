import type { Publication } from '@pharos/client-protocol';

import type { LaneRing, RingChannel } from './lane-ring.ts';
import { PublicationView } from './publication-view.ts';

/** Where a client was. */
export interface StreamPosition {
  readonly offset: number;
  /** Empty: the client doesn't know; then only the offset counts. */
  readonly epoch: string;
}

/** What one resume may bring: beyond any of these the client is told that it was not recovered, and gets nothing partial. */
export interface RecoveryLimits {
  readonly maxPublications: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** Where the lane is. */
export interface LanePosition {
  readonly epoch: string;
  /** The newest offset that was handed on. */
  readonly head: number;
  readonly ring: LaneRing;
}

/** Why a position can't be resumed: it is of another life of the log, more was missed than is kept or allowed, or the log ends before it. */
export type Unrecoverable = 'epoch' | 'history' | 'limit' | 'beyond';

export type Recovery =
  /** All that was missed, oldest first; their data are views, valid in this turn. */
  | { readonly kind: 'recovered'; readonly publications: readonly Publication[] }
  | { readonly kind: 'unrecoverable'; readonly reason: Unrecoverable }
  /** The client comes from an edge that was ahead of this one. */
  | { readonly kind: 'ahead' };

/** The channel's publications in (position, head], from the ring. To be answered in the turn that joins the live set. */
export function recover(
  channel: RingChannel,
  position: StreamPosition,
  lane: LanePosition,
  limits: RecoveryLimits,
): Recovery {
  if (position.epoch !== '' && position.epoch !== lane.epoch) return { kind: 'unrecoverable', reason: 'epoch' };
  if (position.offset > lane.head) return { kind: 'ahead' };
  if (!lane.ring.reaches(position.offset)) return { kind: 'unrecoverable', reason: 'history' };
  const publications: Publication[] = [];
  const oldestMs = Date.now() - limits.maxAgeMs;
  let bytes = 0;
  const whole = lane.ring.walk(channel, position.offset, (cursor, { publishTimeMs }) => {
    if (publications.length >= limits.maxPublications || publishTimeMs < oldestMs) return false;
    const publication = new PublicationView(cursor, publishTimeMs).publication();
    bytes += bytesOf(publication);
    if (bytes > limits.maxBytes) return false;
    publications.push(publication);
    return true;
  });
  return whole ? { kind: 'recovered', publications } : { kind: 'unrecoverable', reason: 'limit' };
}

/** `{"data":…,"info":{"user":…,"client":…},"offset":…,"tags":{…},"time":…},` with numbers as long as they get, without the rest. */
const envelopeBytes = 96;

/** As it travels: escaped, a payload can be several times as long, and tags come from any program that may write to the topic. */
function bytesOf({ data, info, tags }: Publication): number {
  let bytes = envelopeBytes + data.length;
  if (info !== undefined) bytes += jsonBytes(info.user) + jsonBytes(info.client);
  for (const [name, value] of tags ?? []) bytes += jsonBytes(name) + jsonBytes(value) + 2;
  return bytes;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
