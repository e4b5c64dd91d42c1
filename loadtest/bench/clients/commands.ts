import type { ChannelTruth, Fault, MemberRecord, PresenceAnswer, PresenceLog, SendLog } from '@pharos/testkit';

import type { Stretch } from './standstill.ts';

/** A client of a run. */
export interface ClientSpec {
  /** Unique in the run. */
  readonly name: string;
  readonly channels: readonly string[];
}

/** A publisher of a run: its publications are `<name>#<number>`. */
export interface PublisherSpec {
  readonly name: string;
  readonly channel: string;
  readonly perSecond: number;
}

export interface OpenParams {
  /** WebSocket addresses, one an edge. A client takes the next one with each connection. */
  readonly endpoints: readonly string[];
  readonly clients: readonly ClientSpec[];
  /** Ask for joins and leaves, and write them down. */
  readonly joinLeave: boolean;
  readonly timeoutMs: number;
}

/** What every process with clients can do. */
export type ClientCommands = {
  /** Opens clients; resolves when all of them are subscribed to everything. */
  open(params: OpenParams): Promise<void>;
  /** Clients whose newest publication is older than the channel's; asked until there are none, or the time is up. */
  behind(params: { readonly newest: Readonly<Record<string, number>>; readonly timeoutMs: number }): Promise<string[]>;
  /** Holds what all clients saw against the truth. */
  verify(params: { readonly truths: readonly ChannelTruth[]; readonly complete: boolean }): Promise<StreamSummary>;
  /** Who was a member when, and what was seen of joins and leaves. */
  presence(): PresenceSummary;
  /** Who isn't where it began is cut, and goes there; resolves when all are subscribed. */
  spread(): Promise<void>;
  /** The clients leave for good. */
  close(): Promise<void>;
};

/** What the process with clients that speak the protocol by hand can do besides. */
export type RawCommands = ClientCommands & {
  /** Cuts connections without a word; those clients stay away until `comeBack`. */
  cutOff(params: {
    /** How many of the clients, from 0 to 1. */
    readonly share: number;
    /** Where all clients connect from now on. @default as before */
    readonly endpoints?: readonly string[];
  }): Promise<void>;
  /** Who was cut off comes back, all at once; resolves when all of them are subscribed again. */
  comeBack(): Promise<CutSummary>;
};

/** What the process with SDK clients can do besides. */
export type SdkCommands = ClientCommands & {
  /** Begins to publish, each publisher by a connection of its own. */
  publish(params: {
    readonly endpoints: readonly string[];
    readonly publishers: readonly PublisherSpec[];
    readonly padBytes: number;
  }): Promise<void>;
  /** Publishes one publication to each channel, `<tag>@<channel>`, over one connection; resolves with what became of them. */
  publishEach(params: {
    readonly endpoint: string;
    readonly channels: readonly string[];
    readonly tag: string;
    readonly padBytes: number;
  }): Promise<SendLog[]>;
  /** Stops publishing; resolves with what was sent since `publish` when everything's outcome is known. */
  stopPublishing(): Promise<SendLog[]>;
  /** Asks for the presence of channels, by one connection to the first endpoint that takes it; an error is its code. */
  askPresence(params: { readonly endpoint: string; readonly channels: readonly string[] }): Promise<PresenceReply[]>;
  /** Asks for the whole history of channels, page by page; an error is its code. */
  askHistory(params: { readonly endpoint: string; readonly channels: readonly string[] }): Promise<HistoryReply[]>;
};

/** Who enters a channel: members `from`, `from + every` and so on below `to`, each as the user that its number says. */
export interface Entrants {
  readonly channel: string;
  readonly from: number;
  readonly to: number;
  readonly every: number;
  /** How many there are; members beyond that are second connections. */
  readonly users: number;
  /** Tokens are signed with it (HS256). */
  readonly secret: string;
}

/** Members that are in, and those whose connection ended. */
export interface Attendance {
  readonly present: number;
  readonly lost: number;
}

/** What a process with members can do, whatever it needs to let them in. */
type MembershipCommands<Way> = {
  /** Resolves when all are in. */
  enter(params: Entrants & Way): Promise<{
    /** Attempts that the edge ended, made again. */
    readonly retries: number;
  }>;
  count(): Attendance;
  /** All leave at once. */
  leave(): void;
};

/** What a process with members by WebSockets can do: each is at the edge that its number says. */
export type MemberCommands = MembershipCommands<{ readonly urls: readonly string[]; readonly localAddress: string }>;

/** What an edge can do that has members in its own process. */
export type SeatCommands = MembershipCommands<unknown>;

export interface StreamSummary {
  /** The first ones in full. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
  /** Streams that were verified: a client in a channel. */
  readonly streams: number;
  readonly publications: number;
  readonly recovered: number;
  readonly told: number;
  readonly toldPublications: number;
}

export interface PresenceSummary {
  readonly members: readonly MemberRecord[];
  readonly logs: readonly PresenceLog[];
  /** When the process with the clients stood still, so that its word is worth nothing. */
  readonly standstills: readonly Stretch[];
}

/** Of those that came back; times are from there until each subscribe was answered. */
export interface CutSummary {
  readonly clients: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly recovered: number;
  readonly notRecovered: number;
  /** Subscribes that were answered with an error, and tried again. */
  readonly refusals: number;
}

export type PresenceReply = { readonly answer: PresenceAnswer } | { readonly channel: string; readonly code: number };

export type HistoryReply =
  | {
      readonly channel: string;
      readonly epoch: string;
      readonly entries: readonly { offset: number; message: string }[];
    }
  | { readonly channel: string; readonly code: number };

/** More would say nothing new. */
export const maxFaultsInFull = 20;
