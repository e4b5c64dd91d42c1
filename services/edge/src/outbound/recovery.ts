import type { Encoding, Publication } from '@pharos/client-protocol';
import { exceedsLimits, type StoredPublication } from '@pharos/history';

import type { OlderPage, OlderWanted } from './history-page.ts';
import type { LaneRing, RingChannel } from './lane-ring.ts';
import { PublicationView } from './publication-view.ts';
import { plainShape, type Shape } from './subscriber.ts';

/** Where a client was. */
export interface StreamPosition {
  readonly offset: number;
  /** Empty: the client doesn't know; then only the offset counts. */
  readonly epoch: string;
}

/** What one resume may bring: beyond any of these the client is told that it was not recovered, and gets nothing partial. */
export interface RecoveryLimits {
  /** What the answer is written in. */
  readonly encoding: Encoding;
  /** How the client wants publications: what its filter holds back it hasn't missed. @default as they are */
  readonly shape?: Shape;
  readonly maxPublications: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** What the connection takes now, at most `maxBytes`: an answer between the two has to wait. */
  readonly roomBytes: number;
}

/** Where the lane is. */
export interface LanePosition {
  readonly epoch: string;
  /** The newest offset that was handed on. */
  readonly head: number;
  readonly ring: LaneRing;
}

/** What the channel had after the client's position, from beyond the ring. */
export interface Older {
  readonly tier: 'store' | 'log';
  /** Of the life that it was read from. */
  readonly epoch: string;
  /** All that was kept of the channel after the client's position, up to this offset at least, oldest first. */
  readonly through: number;
  readonly publications: readonly StoredPublication[];
}

/** Why a position can't be resumed: it is of another life of the log, more was missed than is kept or allowed, or the log ends before it. */
export type Unrecoverable = 'epoch' | 'history' | 'limit' | 'beyond';

export type Recovery =
  /** All that was missed, oldest first; their data are views, valid in this turn. */
  | {
      readonly kind: 'recovered';
      readonly publications: readonly Publication[];
      readonly tier: OlderPage['tier'];
    }
  | { readonly kind: 'unrecoverable'; readonly reason: Unrecoverable }
  | Obstacle;

/** What keeps a position from being resumed in this turn. */
export type Obstacle =
  /** The client comes from an edge that was ahead of this one. */
  | { readonly kind: 'ahead' }
  /** The ring holds only what comes after this offset. */
  | { readonly kind: 'older'; readonly ringBegin: number }
  /** The newest publication lies beyond the ring, if there is one. */
  | { readonly kind: 'wanted'; readonly wanted: OlderWanted }
  /** The answer is within its limits, and the connection hasn't taken enough of what was sent before. */
  | { readonly kind: 'crowded' };

/** The channel's publications in (position, head], from the ring and what was read from beyond it. To be answered in the turn that joins the live set. */
export function recover(
  channel: RingChannel,
  position: StreamPosition,
  lane: LanePosition,
  limits: RecoveryLimits,
  older?: Older,
): Recovery {
  if (position.epoch !== '' && position.epoch !== lane.epoch) return { kind: 'unrecoverable', reason: 'epoch' };
  if (position.offset > lane.head) return { kind: 'ahead' };
  const { beginsAfter } = lane.ring;
  if (beginsAfter === undefined) return { kind: 'unrecoverable', reason: 'history' };
  if (beginsAfter <= position.offset) return stitch(channel, position.offset, lane, limits, undefined);
  if (older === undefined || older.epoch !== lane.epoch || older.through < beginsAfter) {
    return { kind: 'older', ringBegin: beginsAfter };
  }
  return stitch(channel, position.offset, lane, limits, older);
}

function stitch(
  channel: RingChannel,
  offset: number,
  lane: LanePosition,
  limits: RecoveryLimits,
  older: Older | undefined,
): Recovery {
  const missed = new Missed(limits);
  let reason: Unrecoverable = 'limit';
  for (const { data, properties, offset: at, timeMs } of older?.publications ?? []) {
    // What this edge has yet to hand on comes live.
    if (at > lane.head) break;
    if (!missed.add(new PublicationView(data, properties, at, timeMs), timeMs))
      return { kind: 'unrecoverable', reason };
  }
  const whole = lane.ring.walk(channel, Math.max(offset, older?.through ?? 0), {
    publication: (cursor, { publishTimeMs }) => missed.add(PublicationView.at(cursor, publishTimeMs), publishTimeMs),
    removal: () => {
      // Some of what was missed can't be had any more; where nothing was, nothing is lost by it.
      if (missed.publications.length === 0) return true;
      reason = 'history';
      return false;
    },
  });
  if (!whole) return { kind: 'unrecoverable', reason };
  if (missed.bytes > limits.roomBytes) return { kind: 'crowded' };
  return { kind: 'recovered', publications: missed.publications, tier: older?.tier ?? 'ring' };
}

/** What a client missed, as far as it may have it. */
class Missed {
  readonly publications: Publication[] = [];
  readonly #times: { readonly timeMs: number }[] = [];
  readonly #limits: RecoveryLimits;
  bytes = 0;

  constructor(limits: RecoveryLimits) {
    this.#limits = limits;
  }

  /** False where it is too much. */
  add(view: PublicationView, timeMs: number): boolean {
    const { encoding, shape = plainShape, maxPublications: size, maxAgeMs: ttlMs, maxBytes } = this.#limits;
    if (shape.filter?.matches(view.tags) === false) return true;
    const publication = view.publication(encoding, shape.delta);
    this.publications.push(publication);
    this.#times.push({ timeMs });
    this.bytes += travelBytes(publication, encoding);
    return this.bytes <= maxBytes && exceedsLimits(this.#times, { size, ttlMs }, Date.now()) === undefined;
  }
}

/** `{"data":…,"info":{"user":…,"client":…},"offset":…,"tags":{…},"time":…},` with numbers as long as they get, without the rest. */
const envelopeBytes = 96;

/** As it travels: escaped, a payload can be several times as long, and tags come from any program that may write to the topic. */
export function travelBytes({ data, info, tags }: Publication, encoding: Encoding): number {
  const textBytes = encoding === 'json' ? jsonBytes : protobufBytes;
  let bytes = envelopeBytes + data.length;
  if (info !== undefined) {
    bytes += textBytes(info.user) + textBytes(info.client);
    bytes += rawBytes(info.connInfo) + rawBytes(info.chanInfo);
  }
  for (const [name, value] of tags ?? []) bytes += textBytes(name) + textBytes(value) + 2;
  return bytes;
}

/** With a name in JSON, or tag and lengths in Protobuf. */
function rawBytes(raw: Buffer | undefined): number {
  return raw === undefined ? 0 : raw.length + 14;
}

/** With tag and length, and its part of the length of what it is in. */
function protobufBytes(text: string): number {
  return Buffer.byteLength(text) + 6;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
