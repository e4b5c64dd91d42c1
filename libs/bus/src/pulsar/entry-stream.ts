import type { Entry } from '@pharos/pulsar-client';
import type { BusError } from '../errors.ts';

/** Where a stream of entries begins. */
export type StreamStart =
  | { readonly at: 'earliest' | 'latest' }
  /** With the first entry that was published in the last `maxAgeMs`, by the broker's clock, to the second. */
  | { readonly at: 'recent'; readonly maxAgeMs: number }
  /** With this entry itself, or the next that is there. */
  | { readonly at: 'entry'; readonly ledgerId: bigint; readonly entryId: bigint };

/**
 * The entries of one lane from one start on, over one session: it ends with its connection. Whoever follows the lane opens
 * another at the last entry, under a name that the broker doesn't know yet, because a broker that hasn't missed the
 * former consumer would have the new one share its cursor.
 */
export interface EntryStream {
  /** Grows over all streams of one bus. */
  readonly session: number;
  /** The next entry where one has arrived. */
  take(): Entry | undefined;
  /** Has `take` give this entry (again) first. */
  putBack(entry: Entry): void;
  /** Whether `take` would give one. */
  readonly readable: boolean;
  /** Replaces the listener. Events that came before are not repeated: look at `readable` and `end`. */
  listen(listener: StreamListener): void;
  /** Set once nothing more comes than what is readable; retryable where another stream may have more. */
  readonly end: BusError | undefined;
  /** Position of the lane's newest entry; `undefined` where the lane is empty. @throws BusError */
  newest(): Promise<{ readonly ledgerId: bigint; readonly entryId: bigint } | undefined>;
  /** The listener isn't called any more. */
  close(): Promise<void>;
}

/** None is called inside a call into the stream. */
export interface StreamListener {
  readable(): void;
  ended(error: BusError): void;
}
