/**
 * The presence port: who is in a channel, on which node, and which nodes live. Two adapters implement it, `memory` and `redis`, and one
 * conformance suite holds both to what is said here. What a node and a reaper do with it is in `PresenceNode` and `Reaper`.
 */

/** One life of a node: each boot has another generation, and so has a node that comes back after it was taken for dead. */
export interface Owner {
  readonly node: string;
  /** Letters and digits. */
  readonly generation: string;
}

export interface Member {
  /** Unique to the connection. */
  readonly client: string;
  /** Empty where the client is anonymous. */
  readonly user: string;
  /** Whatever belongs to it: the store doesn't look at it. */
  readonly info: Buffer;
}

export interface MemberOnNode extends Member {
  readonly owner: Owner;
}

/** A member that was taken out, and whose leave has to be published, under this id however often. */
export interface Leave extends MemberOnNode {
  readonly id: string;
  readonly channel: string;
}

/**
 * Ids of one life of a node rise, as `<life>.<number in base 36>`: a join or leave with a lower one than that of what it finds is late, sent over a connection
 * that was given up and brought to the store after what was sent anew, and changes nothing. Ids of other forms have no order.
 */
export type Change =
  /** `id` is of this very change: repeated with the same it tells what it told the first time. */
  | {
      readonly do: 'join';
      readonly channel: string;
      readonly id: string;
      readonly owner: Owner;
      readonly member: Member;
    }
  /** `id` becomes the id of the leave. */
  | { readonly do: 'leave'; readonly channel: string; readonly id: string; readonly client: string }
  /** The leave was published. */
  | { readonly do: 'settle'; readonly channel: string; readonly id: string; readonly client: string };

export interface ChangeOutcome {
  /** Join: the client was not a member before, on whichever node. */
  readonly fresh: boolean;
  /** Leave: what is to be published. Join: a leave of the same client that nobody has settled, to be published before the join. */
  readonly leave: Leave | undefined;
}

export interface PresenceStats {
  readonly clients: number;
  readonly users: number;
}

export interface NodeStatus {
  readonly owner: Owner;
  /** What the node said of itself with its lease; undefined where it has none. */
  readonly lease: Buffer | undefined;
}

export interface LeavesPage {
  readonly leaves: readonly Leave[];
  /** Where the next page begins; undefined after the last. */
  readonly next: string | undefined;
}

export interface PresenceStore {
  readonly kind: 'memory' | 'redis';
  /** Another number after every connection that was lost or made: looks with the same one were over one unbroken connection. */
  readonly session: number;

  /** Takes a lease for a generation, and makes it known to reapers. False where it was buried: it takes another. @throws PresenceError */
  acquire(owner: Owner, about: Buffer, leaseMs: number): Promise<boolean>;
  /** Prolongs a lease. False where there is none any more: `acquire` says why. @throws PresenceError */
  renew(owner: Owner, about: Buffer, leaseMs: number): Promise<boolean>;
  /** Gives a lease back: what the generation left behind is for the reaper. @throws PresenceError */
  release(owner: Owner): Promise<void>;
  /** Notes channels in which the generation will have members; to be called before it has. @throws PresenceError */
  index(owner: Owner, channels: readonly string[]): Promise<void>;
  /** The opposite, when nothing of the generation is there any more, no unsettled leave either. @throws PresenceError */
  unindex(owner: Owner, channels: readonly string[]): Promise<void>;

  /** Makes changes in one round trip, those of a channel in order and in one go; what failed says why in its place. */
  change(changes: readonly Change[]): Promise<(ChangeOutcome | PresenceFailure)[]>;

  /**
   * The members of a channel on nodes that have a lease. Who joins or leaves meanwhile may be among them or not.
   *
   * @param most with more than that, whatever their nodes, there is no answer: `too-many` @default 100000
   * @throws PresenceError
   */
  members(channel: string, most?: number): Promise<MemberOnNode[]>;
  /** How many there are, at the same cost for any number; members of dead nodes count until they are reaped. @throws PresenceError */
  stats(channel: string): Promise<PresenceStats>;

  /** Every generation that is known and not forgotten. @throws PresenceError */
  nodes(): Promise<NodeStatus[]>;
  /** Writes the tombstone of a generation, unless it has a lease: then false. @throws PresenceError */
  bury(owner: Owner): Promise<boolean>;
  /** Some of the channels that the generation noted. @throws PresenceError */
  channelsOf(owner: Owner): Promise<string[]>;
  /** Takes the generation's members out of a channel, into those whose leave has to be published. @throws PresenceError */
  takeOut(owner: Owner, channel: string): Promise<void>;
  /** Leaves of a channel that the generation owes, page by page. @throws PresenceError */
  owedLeaves(owner: Owner, channel: string, from?: string): Promise<LeavesPage>;
  /** Nothing is left of the generation. Its tombstone stays. @throws PresenceError */
  forget(owner: Owner): Promise<void>;
  /** Calls fail from now on. Connections belong to who made them. */
  close(): Promise<void>;
}

/** An error in the place of an outcome. */
export type PresenceFailure = Error & { readonly retryable: boolean };

/** Of {@link PresenceStore.members}. */
export const defaultMostMembers = 100_000;
