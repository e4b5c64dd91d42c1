/**
 * The history port: the recent publications of each channel, by lane, as one writer per lane puts them there in the order
 * of the log. Two adapters implement it, `memory` and `redis`, and one conformance suite holds both to what is said here.
 *
 * Of each lane it knows the watermark W (every message of the lane up to W that was to be stored is or was in the store)
 * and the floor F (it can't speak of what a client missed whose offset lies below F). Of each channel it knows the newest
 * offset and the highest one that was trimmed from it. So an answer is complete, or says why it can't be.
 */

/** A lane of one life of a log. Another epoch is another life: nothing of the former is seen in it. */
export interface LaneId {
  /** Full topic name. */
  readonly log: string;
  readonly epoch: string;
  readonly lane: number;
}

export interface LaneState {
  readonly watermark: number;
  readonly floor: number;
}

export interface StoredLane extends LaneState {
  /** Where the writer goes on: after this position in the log, whose offset is the watermark. Undefined where the writer didn't say. */
  readonly position?: string;
  /** Those whose publications the lane has, of all its time. Undefined where the writer didn't say. */
  readonly namespaces?: readonly string[];
}

/** What a namespace lets a channel's history be, whichever tier serves it. */
export interface ChannelLimits {
  /** Publications that are kept; with 0 none is, and what was missed is known to be. */
  readonly size: number;
  /** Age in milliseconds beyond which a publication isn't served any more. */
  readonly ttlMs: number;
}

export interface StoreLimits extends ChannelLimits {
  /**
   * How long the store remembers a channel after its last publication, in milliseconds, at least `ttlMs`. When it forgets
   * one the floor of the *lane* rises to that channel's newest offset: the shortest of a log holds for all its channels.
   */
  readonly metaTtlMs: number;
}

export interface StoredPublication {
  readonly offset: number;
  /** When the log took it, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly data: Buffer;
  readonly properties: ReadonlyMap<string, string>;
}

/** One message on its way into the store. */
export type NewEntry =
  | (StoredPublication & { readonly kind: 'publication'; readonly channel: string; readonly limits: StoreLimits })
  /** A marker that removes what the channel has up to there. */
  | { readonly kind: 'remove'; readonly channel: string; readonly offset: number };

export interface Batch {
  /** The watermark that the writer expects: where the store has another one, nothing is written. */
  readonly previous: number;
  /** The watermark afterwards: the offset of the last message that was looked at, stored or not. */
  readonly watermark: number;
  /** In the order of the log, offsets rising and at most `watermark`. Those up to `previous` are duplicates and left out. */
  readonly entries: readonly NewEntry[];
  /** Raises the floor: messages up to there were lost before the writer saw them. */
  readonly floor?: number;
  /** Where the message at `watermark` lies, as the log calls it, at most 200 characters; kept with the watermark, in the same write. */
  readonly position?: string;
  /**
   * The namespaces whose publications the writer brings, as it thinks that the store has them, and from now on: where the store has others,
   * nothing is written. So a writer with another configuration can't pass over publications unnoticed. @default not looked at
   */
  readonly namespaces?: { readonly before: readonly string[]; readonly after: readonly string[] };
}

export type WriteOutcome =
  | ({ readonly written: true; readonly duplicates: number } & LaneState)
  /**
   * The store has another watermark, other namespaces, or nothing of this lane (undefined). At or above what the writer was about to set: it is written,
   * by an attempt whose answer was lost or by another writer of the same log. Below: the store was rolled back, and the writer seeks
   * back to there. None: the writer rebuilds.
   */
  | { readonly written: false; readonly watermark: number | undefined };

export interface Question {
  readonly channel: string;
  /** The offset up to which the client has everything. */
  readonly offset: number;
  readonly limits: ChannelLimits;
  /** That of the channel, to be asked whether the lane has its publications at all. @default not looked at */
  readonly namespace?: string;
}

/**
 * - `no-lane`: the store has nothing of the lane (not built yet, or lost), or of the channel's namespace in it.
 * - `floor`: the offset lies below the lane's floor.
 * - `trimmed`: some of what was missed is no longer kept.
 * - `too-many`, `too-old`: more, or older, than the namespace lets recover.
 */
export type NotRecovered = 'no-lane' | 'floor' | 'trimmed' | 'too-many' | 'too-old';

/** Watermark and floor are of the very moment of the read; what lies above the watermark has to come from elsewhere. */
export type Recovery = LaneState &
  (
    | { readonly recovered: true; readonly publications: readonly StoredPublication[] }
    | { readonly recovered: false; readonly reason: NotRecovered }
  );

export interface HistoryQuery {
  /** How many publications at most; 0 for the position alone. @default all */
  readonly limit?: number;
  /** Begin after this offset; with `reverse` before it. @default the oldest; with `reverse` the newest */
  readonly since?: number;
  /** Newest first. @default false */
  readonly reverse?: boolean;
  readonly limits: ChannelLimits;
  /** As in a question. */
  readonly namespace?: string;
}

export interface HistoryPage extends LaneState {
  readonly publications: readonly StoredPublication[];
  /** The newest offset of the channel that the store knows; 0 where it knows none. */
  readonly top: number;
  /** Publications of the channel up to this offset may exist and not be shown. */
  readonly missingThrough: number;
  /** What the channel had up to this offset was removed, in the log too; 0 where nothing was. Remembered as long as the lane. */
  readonly removedThrough: number;
  /** The `since` of the next page; undefined where this is the last. */
  readonly next: number | undefined;
}

export interface HistoryStore {
  readonly kind: 'memory' | 'redis';
  /** What the store knows of a lane; undefined where it knows nothing. @throws HistoryError */
  state(lane: LaneId): Promise<StoredLane | undefined>;
  /**
   * Writes the next messages of a lane, all or none. May be called again while an earlier call is under way: they are
   * written in the order of the calls, and where one is refused, so are those after it. @throws HistoryError
   */
  append(lane: LaneId, batch: Batch): Promise<WriteOutcome>;
  /**
   * Begins a lane anew, at a watermark and floor of `floor`: the first offset that will be appended less one. `previous`
   * is the watermark that it replaces, undefined where there is none; `namespaces` whose publications will be appended, undefined where
   * that isn't to be looked at. @throws HistoryError
   */
  rebuild(
    lane: LaneId,
    floor: number,
    previous: number | undefined,
    namespaces?: readonly string[],
  ): Promise<WriteOutcome>;
  /**
   * Forgets channels that are past their time, raising the floor, and keeps an idle lane from being forgotten itself. To be called now
   * and again. @throws HistoryError
   */
  tidy(lane: LaneId): Promise<LaneState | undefined>;
  /**
   * What each of these clients missed: per question all publications of the channel after the offset, oldest first, or why that can't
   * be told; in the order of the questions. Each answer is one atomic read of the lane. @throws HistoryError
   */
  recoverMany(lane: LaneId, questions: readonly Question[], deadlineMs?: number): Promise<Recovery[]>;
  /** One page of a channel's history; undefined where the store knows nothing of the lane, or of the namespace in it. @throws HistoryError */
  history(lane: LaneId, channel: string, query: HistoryQuery): Promise<HistoryPage | undefined>;
  /** What is under way fails. Connections belong to who made them. */
  close(): Promise<void>;
}

/** Tells the time in milliseconds since 1970. */
export type Clock = () => number;
