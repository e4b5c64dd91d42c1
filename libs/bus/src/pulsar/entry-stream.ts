import type { Entry } from '@pharos/pulsar-client';

/** Where a stream of entries begins. */
export type StreamStart =
  | { readonly at: 'earliest' | 'latest' }
  /** With this entry itself, or the next that is there. */
  | { readonly at: 'entry'; readonly ledgerId: bigint; readonly entryId: bigint };

/** The entries of one lane from one start on, over reconnects; what a tail reads from. */
export interface EntryStream {
  /** The next entry where one has arrived. */
  take(): Entry | undefined;
  /** Has `take` give this entry (again) first. */
  putBack(entry: Entry): void;
  /** The session that delivered an entry, comparable over all streams of one log: later ones are greater. */
  session(entry: Entry): number;
  /** Whether `take` would give one. */
  readonly readable: boolean;
  readonly connected: boolean;
  /** Replaces the listener. Events that came before are not repeated: look at `readable`, `connected` and `end`. */
  listen(listener: StreamListener): void;
  /** Set once the stream is over and can't go on. */
  readonly end: Error | undefined;
  /** Position of the lane's newest entry; `undefined` where the lane is empty. */
  newest(): Promise<{ readonly ledgerId: bigint; readonly entryId: bigint } | undefined>;
  close(): Promise<void>;
}

/** None is called inside a call into the stream. */
export interface StreamListener {
  readable(): void;
  connection(connected: boolean): void;
  ended(error: Error): void;
}
