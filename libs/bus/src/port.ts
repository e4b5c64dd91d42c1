/**
 * The bus port: logs with lanes, tails that follow a lane, and durable work subscriptions. Two adapters implement it,
 * `memory` and `pulsar`, and one conformance suite holds both to what is said here.
 */

/** A log as the configuration names it. */
export interface LogSpec {
  /** Topic, full or short: `persistent://public/default/chat`, `chat`. */
  readonly topic: string;
  /**
   * How many lanes to create the log with. 1 is a plain (non-partitioned) topic. An existing log keeps its own number;
   * asking for more than it has is an error (`lanes-mismatch`).
   * @default what exists, else 1
   */
  readonly lanes?: number;
  /** The channel that messages without a key belong to. @default the topic's local name */
  readonly defaultChannel?: string;
  /** How long its publications are to be kept at least, in milliseconds; a log that keeps more is left alone. @default what the bus gives any log */
  readonly keepMs?: number;
}

export interface BusOptions {
  /** Work done for one turn of the event loop, over all tails, before sockets get their turn. @default 262144 */
  readonly turnBytes?: number;
  /** Appends that wait for the log: above it `queue-full`. @default 10000 */
  readonly maxPendingAppends?: number;
  /** The same in bytes. @default 67108864 */
  readonly maxPendingBytes?: number;
  /** The largest publication: its data, key and properties together. @default 5242880 less the frame's overhead */
  readonly maxPublicationBytes?: number;
}

/** The outside of a bus. */
export interface Bus {
  readonly kind: 'memory' | 'pulsar';
  /**
   * Opens a log, creating its topic where there is none.
   * @throws BusError `invalid-topic`, `lanes-mismatch`, `unreachable`, `refused`
   */
  openLog(spec: LogSpec): Promise<Log>;
  /** Opens a durable subscription whose messages are acknowledged one by one. @throws BusError as `openLog`, `subscription-busy` */
  subscribeWork(spec: WorkSpec): Promise<WorkSubscription>;
  /** Flushes appends that are under way (within their deadlines), ends every tail and subscription; no handler is called any more. */
  close(): Promise<void>;
}

/** One publication on its way into a log. */
export interface NewPublication {
  readonly channel: string;
  /** Copied before `append` returns: the caller may change it afterwards. */
  readonly data: Uint8Array;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface AppendReceipt {
  readonly lane: number;
  /**
   * Where the publication lies; equal to the `position` that a tail's cursor gives for the same publication. Empty where
   * it was sent twice over a lost connection and the log, which took it once, doesn't say where.
   */
  readonly position: string;
}

export interface Log {
  /** Full topic name. */
  readonly topic: string;
  readonly lanes: number;
  readonly defaultChannel: string;
  /** Identity of the log's life, `<random>.<lanes>`; empty where it can't be had (then nothing is recoverable). */
  readonly epoch: string;
  /** What the log can't do here and why, in words for the operator; empty where all is well. */
  readonly limitations: readonly string[];
  /** JavaStringHash(channel) mod lanes. */
  laneOf(channel: string): number;
  /**
   * Appends one publication; resolves when the log has it durably. Publications of one channel appended in order lie in
   * that order.
   * @throws BusError `queue-full`, `too-large`, `deadline` (nothing was written), `outcome-unknown` (it may have been), `closed`
   */
  append(publication: NewPublication, deadlineMs: number): Promise<AppendReceipt>;
  /**
   * Follows a lane. Resolves once the start is known; from then on the handler gets every entry after it, in order, once,
   * over reconnects too.
   * @throws BusError `unreachable`, `refused`, `closed`, `position-gone`, `log-ended`
   */
  attach(lane: number, handler: TailHandler, start?: TailStart): Promise<LaneTail>;
  /**
   * Joins those who work on the log under one name: each lane has one of them as its active member, the others
   * stand by; members share the lanes out evenly. Made at the oldest
   * message where there is none of that name. It hands over no messages; who is active attaches to the lane and reads.
   * @throws BusError `unreachable`, `refused`, `subscription-busy`, `log-ended`, `closed`
   */
  joinGroup(spec: GroupSpec, handler: GroupHandler): Promise<LaneGroup>;
  /** For what lies in the wrong lane: brings messages of this lane into their right ones. To be closed. */
  rerouter(lane: number): LaneRerouter;
  close(): Promise<void>;
}

export interface GroupSpec {
  /** Name of the group, which the log remembers with what each lane's members have acknowledged. */
  readonly group: string;
  /** Shown to operators. @default a made up one */
  readonly member?: string;
}

/** Functions are called in order, never inside a call into the bus, and must not throw. */
export interface GroupHandler {
  /**
   * Whether this is the active member of the lane from now on. Not while the connection is lost: another one may be by then. For a moment two may
   * believe it; what they do must bear that.
   */
  active(lane: number, active: boolean): void;
  /** The membership is over: the log was deleted or its life changed. */
  ended(error: Error): void;
}

export interface LaneGroup {
  /** Everything in the lane up to this entry is done with. It binds nobody: what is acknowledged can be read again. */
  ackThrough(lane: number, position: string): Promise<void>;
  /**
   * Asks up to where the lane is acknowledged, by whichever member; the answer tells of the positions of entries whether they are. All
   * are taken not to be where the log doesn't say. @throws BusError
   */
  acknowledged(lane: number): Promise<(position: string) => boolean>;
  /** Leaves: another member becomes active at once. */
  close(): Promise<void>;
}

/**
 * Appends messages that lie in a wrong lane to their right ones. However often and by whomever it is tried, over crashes too, each is
 * there once, for as long as the log remembers the lane's rerouter (Pulsar: while it is connected and six hours after that).
 */
export interface LaneRerouter {
  /**
   * @param offset where the message lies: it must rise from call to call, but for those that are tried again, in order again
   * @throws BusError `deadline`, `outcome-unknown`: to be tried again; `too-large`, `refused`, `closed`
   */
  append(offset: number, publication: NewPublication, deadlineMs: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where a tail begins: after the newest entry, after a known one, with the oldest that is kept, or with the oldest that was
 * published in the last `maxAgeMs` (after the newest where none was).
 */
export type TailStart =
  | { readonly at: 'head' }
  | { readonly at: 'recent'; readonly maxAgeMs: number }
  | { readonly at: 'after'; readonly position: string; readonly offset: number }
  | { readonly at: 'earliest' };

export interface LaneTail {
  readonly lane: number;
  /** Whether the log gives offsets. Where it doesn't, every offset is 0 and nothing is recoverable. See `indexLost`. */
  readonly indexed: boolean;
  /** Offset of the newest publication that was handed to the handler, or that the tail began after. */
  readonly head: number;
  /** The lane's newest offset when it was attached at its head or its recent entries; before that, `head` is catching up. */
  readonly newestAtAttach: number;
  /** Position of the entry at `head`, to attach `after` it later; empty at the beginning of an empty lane. */
  readonly position: string;
  readonly connected: boolean;
  /** No entry is handed over until `resume`. What has arrived waits, which is bounded; what retention takes meanwhile is a hole. */
  pause(): void;
  resume(): void;
  /** Ends the tail; the handler isn't called any more. */
  close(): Promise<void>;
}

/** All functions are called in order, never one inside another, and must not throw. */
export interface TailHandler {
  /** One entry. It and its cursor are valid until the function returns, unless `retain` says otherwise. */
  entry(entry: LaneEntry): void;
  /** After the last entry of a turn: the moment to flush what was collected. */
  turnEnd?(): void;
  /** Offsets are missing. */
  hole?(hole: Hole): void;
  /** The connection to the log was lost or is back. Nothing is lost by it; live entries wait. */
  connection?(connected: boolean): void;
  /**
   * The log's offsets contradict each other (the broker's index went backwards or is missing), while its epoch is
   * unchanged: the tail goes on with offsets 0, `indexed` is false from here on, nothing of the lane is recoverable.
   */
  indexLost?(error: Error): void;
  /** The tail is over and can't resume: the log was deleted, or its life changed. */
  ended?(error: Error): void;
}

/** Offsets `from` to `to`, both missing. `broker`: the broker made them up (markers); nothing was there. `lost`: they were there and are gone. */
export interface Hole {
  readonly from: number;
  readonly to: number;
  readonly kind: 'broker' | 'lost';
}

/** One entry of a lane: one publication or a batch of them. */
export interface LaneEntry {
  readonly lane: number;
  /** Offset of its first publication; 0 where the log gives none. */
  readonly firstOffset: number;
  readonly count: number;
  /** Bytes that it holds, for budgets. */
  readonly bytes: number;
  /** Milliseconds since 1970, by the broker's clock where it says so. */
  readonly publishTimeMs: number;
  /** Position of the whole entry. */
  readonly position: string;
  /** A cursor before the first publication. Entries share it: one at a time. */
  publications(): PublicationCursor;
  /** Keeps the entry beyond the handler's call; the result has a cursor of its own for each `publications()`. */
  retain(): LaneEntry;
}

/**
 * Walks the publications of one entry, oldest first. Nothing is copied and nothing allocated until asked for: the fields
 * are places in `buffer`, and they change with `next()`.
 */
export interface PublicationCursor {
  /** `false` after the last. */
  next(): boolean;
  readonly buffer: Buffer;
  readonly offset: number;
  /** Where the key's UTF-8 bytes lie; `keyStart` −1 where the message has no key or one that isn't in place. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly hasProperties: boolean;
  /** JavaStringHash of the key, or of the log's default channel where there is none. */
  keyHash(): number;
  /** The key, or the log's default channel. */
  channel(): string;
  /** Whether the channel belongs to this lane; where it doesn't, the publication isn't delivered from here. A mark is at home in any. */
  routed(): boolean;
  /** Whether it is a whole message in clear, and not a chunk of one or ciphertext. What isn't is never routed. */
  readable(): boolean;
  properties(): ReadonlyMap<string, string>;
  /** Pharos's own mark (see `markerProperty`), not a publication. */
  isMarker(): boolean;
  /** Equal to the `position` of the receipt of its append. */
  position(): string;
}

/** Messages with this property are marks of Pharos's own: every reader skips them. */
export const markerProperty = 'pharos-marker';

/** Value of `markerProperty`: the history of the channel that is the message's key is removed up to here. */
export const historyRemoveMarker = 'history-remove';

/** A publication with this property, whatever its value, is delivered live and kept in no history and for no recovery. */
export const skipHistoryProperty = 'pharos-skip-history';

/** The key under which a publication is in its channel once, however often it is published (server API). */
export const idempotencyKeyProperty = 'pharos-idempotency-key';

/** A publication with this property, whatever its value, goes to clients that take deltas as its difference to the channel's previous one. */
export const deltaProperty = 'pharos-delta';

export interface WorkSpec {
  readonly topic: string;
  readonly subscription: string;
  /** `failover`: one active consumer a lane, in order. `shared`: any number, no order. */
  readonly type: 'failover' | 'shared';
  readonly consumerName?: string;
  /** Where a new subscription begins. @default 'earliest' */
  readonly startAt?: 'earliest' | 'latest';
}

export interface WorkMessage {
  readonly lane: number;
  /** 0 where the log gives none. */
  readonly offset: number;
  readonly position: string;
  readonly key: string | undefined;
  readonly data: Buffer;
  readonly properties: ReadonlyMap<string, string>;
  readonly publishTimeMs: number;
  readonly redeliveryCount: number;
}

export interface WorkSubscription {
  /** The next message; waits for one. Rejects with BusError `closed` when closed meanwhile. */
  receive(): Promise<WorkMessage>;
  /** The message is done with: it won't come again. */
  ack(message: WorkMessage): Promise<void>;
  /** So is every earlier one of its lane (`failover` only). */
  ackThrough(message: WorkMessage): Promise<void>;
  /**
   * The message comes again, after about `delayMs` (1000 where it isn't given); with `failover` whatever else of its lane
   * is unacknowledged then may come again too, in order.
   */
  nack(message: WorkMessage, delayMs?: number): void;
  close(): Promise<void>;
}
