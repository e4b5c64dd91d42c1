/**
 * What clients and publishers write down while they run, and what the checker judges afterwards. Times are milliseconds since 1970 of
 * one clock: all processes of a run are on one machine.
 */

/** One thing that happened to a client's subscription, in the order in which the client saw it. */
export type StreamEvent =
  /** The answer to a subscribe. */
  | {
      readonly kind: 'subscribed';
      readonly atMs: number;
      /** Undefined where the subscription has no position: what comes first is then where it begins. */
      readonly offset: number | undefined;
      readonly epoch: string;
      /** Whether this subscription can resume at all; where not, a close tells that something may be missed. */
      readonly recoverable: boolean;
      readonly wasRecovering: boolean;
      readonly recovered: boolean;
    }
  | { readonly kind: 'publication'; readonly atMs: number; readonly offset: number; readonly message: string }
  /** The subscription ended, by the server or because the client resubscribes. */
  | { readonly kind: 'unsubscribed'; readonly atMs: number; readonly code: number }
  /** A subscribe was answered with an error. */
  | { readonly kind: 'refused'; readonly atMs: number; readonly code: number }
  /** The connection ended; 0 where there was no close code. */
  | { readonly kind: 'disconnected'; readonly atMs: number; readonly code: number }
  /** The client left for good, by its own wish. */
  | { readonly kind: 'left'; readonly atMs: number };

/** Everything that one client saw of one channel. */
export interface StreamLog {
  readonly client: string;
  readonly channel: string;
  readonly events: readonly StreamEvent[];
}

/**
 * `acknowledged`: the log has it. `unknown`: the log has it once for each attempt at most, or not at all. `refused`: it was never
 * written.
 */
export type Outcome = 'acknowledged' | 'unknown' | 'refused';

/** One number of a publisher. */
export interface SendRecord {
  /** What the publication says, unique in the run. */
  readonly message: string;
  /** Number of the connection that carried it: what one connection carries keeps its order. */
  readonly session: number;
  readonly outcome: Outcome;
  /** How often it was sent without an idempotency key: it may be there as often. @default 1 */
  readonly attempts?: number;
}

/** What one publisher sent to one channel, in order. */
export interface SendLog {
  readonly publisher: string;
  readonly channel: string;
  readonly sends: readonly SendRecord[];
}

/** What a channel really holds, in order: read from the log itself, or put together from what all clients saw. */
export interface ChannelTruth {
  readonly channel: string;
  /** Undefined where the epoch is not to be compared. */
  readonly epoch: string | undefined;
  readonly entries: readonly TruthEntry[];
}

export interface TruthEntry {
  readonly offset: number;
  readonly message: string;
}
