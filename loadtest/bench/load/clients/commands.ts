import type { TallyData } from '../measure/tally.ts';

/** What a process with clients of a load test can do. */
export type LoadCommands = {
  /**
   * Begins to connect clients; resolves when each of them is in, or `timeoutMs` have passed. Clients whose connection ends come back, with what
   * they know of their channel, unless `once`.
   */
  open(params: OpenParams): Promise<Counts>;
  /** From now on a client that is in expects the publications of these from number 1 on. */
  expect(params: { readonly publishers: readonly PublisherSpec[] }): void;
  /** Publishers of this process begin to publish, and go on until `stopPublishing`. */
  publish(params: {
    readonly urls: readonly string[];
    readonly tokens: readonly string[];
    readonly publishers: readonly PublisherSpec[];
    readonly padBytes: number;
  }): Promise<void>;
  /** Changes how fast each publisher of this process publishes, a second. */
  pace(params: { readonly perSecond: number }): void;
  /** Resolves when the outcome of everything is known. */
  stopPublishing(): Promise<readonly Published[]>;
  /** Resolves with what clients here have not got of what was acknowledged, at once where that is nothing, else after `timeoutMs`. */
  missing(params: { readonly published: readonly Published[]; readonly timeoutMs: number }): Promise<number>;
  /** Every client loses its connection without a word, and comes back as clients do. */
  cut(): void;
  /** Resolves when this many have come back since `cut`, or `timeoutMs` have passed. */
  returned(params: { readonly count: number; readonly timeoutMs: number }): Promise<number>;
  /** These clients, of those that are in, stop or go on reading. */
  reading(params: { readonly from: number; readonly to: number; readonly on: boolean }): void;
  /** Clients come for `stayMs` each, `perSecond` of them, for `seconds`; resolves with those that have been in, when all have left. */
  churn(params: ChurnParams): Promise<readonly Member[]>;
  /** How often clients here were told of the joins and leaves of these. */
  movements(params: { readonly ids: readonly string[] }): Movements;
  /** One client asks this; an error is its code. */
  ask(params: {
    readonly url: string;
    readonly token: string | undefined;
    readonly method: string;
    readonly params: object;
  }): Promise<Answer>;
  /** Everybody leaves, and stays away. */
  leave(): Promise<void>;
  counts(): Counts;
  tally(): TallyData;
  /** Forgets what was counted so far. */
  reset(): void;
};

/** Clients that come. */
interface Arrivals {
  readonly urls: readonly string[];
  /** Taken in turns; none: clients connect without one. */
  readonly tokens: readonly string[];
  /** Client `i` is in channel `i % channels.length`. */
  readonly channels: readonly string[];
  /** How many begin in a second. */
  readonly perSecond: number;
}

export interface OpenParams extends Arrivals {
  readonly from: number;
  readonly to: number;
  readonly joinLeave: boolean;
  /** A connection that fails or ends is not made again. */
  readonly once: boolean;
  readonly timeoutMs: number;
}

export interface ChurnParams extends Arrivals {
  readonly seconds: number;
  readonly stayMs: number;
}

export interface Member {
  readonly id: string;
  readonly channel: string;
}

export interface Movements {
  readonly joins: number;
  readonly leaves: number;
}

export interface PublisherSpec {
  /** Unlike that of any other. */
  readonly name: string;
  readonly channel: string;
  readonly perSecond: number;
}

/** Publications under one name over one connection are numbered from 1 on. */
export interface Published {
  readonly session: string;
  readonly channel: string;
  /** The highest number that was acknowledged. */
  readonly acknowledged: number;
  /** Lower ones that weren't: they may be in the log or not. */
  readonly unknown: readonly number[];
}

export interface Counts {
  readonly clients: number;
  /** Connected and subscribed. */
  readonly in: number;
  /** Share of the last second in which the process's event loop worked; near 1 its own figures can't be trusted. */
  readonly busy: number;
}

export interface Answer {
  readonly ms: number;
  readonly code: number;
  readonly result: unknown;
}

/** What a publication of a load test carries. */
export interface Payload {
  /** Session of the publisher. */
  readonly p: string;
  readonly n: number;
  /** When it was sent, in milliseconds since 1970. */
  readonly t: number;
}
