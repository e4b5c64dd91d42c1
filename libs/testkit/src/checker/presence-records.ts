/** One connection of a client in one channel: each connection has an id of its own, and is a member of its own. */
export interface MemberRecord {
  /** The id that the server gave to the connection. */
  readonly member: string;
  readonly channel: string;
  /** When its subscribe was answered. */
  readonly fromMs: number;
  /** When its connection or subscription ended; undefined where it goes on. */
  readonly toMs: number | undefined;
  /** The edge that the connection is to. */
  readonly node?: string;
}

export type PresenceEvent =
  /** From here on joins and leaves come. @param self the observer's own connection */
  | { readonly kind: 'watching'; readonly atMs: number; readonly self: string }
  | {
      readonly kind: 'join' | 'leave';
      readonly atMs: number;
      readonly member: string;
      /** Who told of it, where that is known: for people who read a fault. */
      readonly id?: string;
      readonly node?: string;
    }
  /** The subscription ended: what happens now isn't seen. */
  | { readonly kind: 'blind'; readonly atMs: number };

/** The joins and leaves that one client was sent of one channel, in order. */
export interface PresenceLog {
  readonly client: string;
  readonly channel: string;
  readonly events: readonly PresenceEvent[];
}

/** One answer to a `presence` command. */
export interface PresenceAnswer {
  readonly channel: string;
  readonly requestedAtMs: number;
  readonly answeredAtMs: number;
  readonly members: readonly string[];
}

/**
 * A time in which presence can't be true: a node was frozen, or the store was away. Answers may leave members out, and who goes in it
 * counts as gone when it is over. A little after its cause is over it is over too.
 */
export interface Disturbance {
  readonly fromMs: number;
  readonly toMs: number;
  /** Whose presence is disturbed. @default everybody's */
  readonly of?: (member: MemberRecord) => boolean;
  /** Members may be taken for dead, with leaves: their node couldn't renew its lease, and the reaper could see it. @default false */
  readonly mayReap?: boolean;
}

export interface PresenceRun {
  readonly members: readonly MemberRecord[];
  readonly logs: readonly PresenceLog[];
  readonly answers: readonly PresenceAnswer[];
  readonly disturbances?: readonly Disturbance[];
  /** When the run ended. */
  readonly endMs: number;
}

export interface PresenceLimits {
  /** How long somebody who has gone may still be in answers: a lease, and a little. @default 11000 */
  readonly ghostMs?: number;
  /** How long the leave may take: the reaper looks twice, a lease apart. @default 32000 */
  readonly leaveMs?: number;
  /** How long a join, or a member in answers, may take. @default 3000 */
  readonly settleMs?: number;
}
