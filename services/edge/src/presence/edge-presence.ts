import { randomBytes } from 'node:crypto';

import {
  clientInfoOf,
  leaveEvent,
  LifecyclePublisher,
  memberInfo,
  type Namespace,
  type Namespaces,
} from '@pharos/channels';
import type { ClientInfo } from '@pharos/client-protocol';
import { type Service, withDeadline } from '@pharos/lifecycle';
import {
  type ChangeOutcome,
  type Leave,
  type Member,
  PresenceError,
  PresenceNode,
  type PresenceStats,
  type PresenceStore,
} from '@pharos/presence';
import { type Logger, ThrottledLog } from '@pharos/telemetry';

import { MemberEvents } from './member-events.ts';
import type { PresenceMetrics } from './metrics.ts';
import { SharedReads } from './shared-reads.ts';

export interface EdgePresenceOptions {
  readonly store: PresenceStore;
  /** This boot of this edge. */
  readonly node: string;
  /** What it says of itself with its lease. */
  readonly about: () => Buffer;
  readonly leaseMs: number;
  readonly renewMs: number;
  /** Members that one answer may hold. */
  readonly maxMembers: number;
  /** How long an append of a join or leave may wait for the log. */
  readonly publishTimeoutMs: number;
  readonly logger: Logger;
  readonly metrics: PresenceMetrics;
}

/** A place in a channel's presence. */
export interface Membership {
  /** Gives it up; more than once is once. */
  leave(): void;
}

export type ChannelMembers = ReadonlyMap<string, ClientInfo>;

/** Through an outage every call fails. */
const failureLogMs = 10_000;
const readTimeoutMs = 5_000;
/** What a drain gives members to be taken out; what is left then is the presence service's. */
const drainMs = 4_000;

/**
 * Who is in which channel on this edge, and what the store knows of it. A client is never made to wait for the store: it is written behind its back, in
 * order, and whoever asks for presence here waits for what was written before.
 */
export class EdgePresence implements Service {
  readonly #options: EdgePresenceOptions;
  readonly #node: PresenceNode;
  readonly #publisher: LifecyclePublisher;
  readonly #events: MemberEvents;
  readonly #memberships = new Set<Membership>();
  readonly #members = new SharedReads<ChannelMembers>();
  readonly #stats = new SharedReads<PresenceStats>();
  /** Ids of leaves that are being published: the store tells of one again where its client is back before it is settled. */
  readonly #leaves = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #failures: ThrottledLog;
  readonly #publishFailures: ThrottledLog;
  readonly #idPrefix: string = randomBytes(8).toString('hex');
  #lastFailure: unknown;
  #namespaces: Namespaces | undefined;
  #running: Promise<void> | undefined;
  #joinId = 0;
  #isStopped = false;

  constructor(options: EdgePresenceOptions) {
    this.#options = options;
    const { store, node, about, leaseMs, renewMs, logger, metrics } = options;
    this.#failures = new ThrottledLog(failureLogMs, (times) =>
      logger.warn({ err: this.#lastFailure, times }, 'the presence store failed; what is to be written waits'),
    );
    this.#publishFailures = new ThrottledLog(failureLogMs, (times) =>
      logger.warn({ err: this.#lastFailure, times }, 'joins and leaves could not be published; they are tried again'),
    );
    this.#node = new PresenceNode(store, {
      node,
      about,
      leaseMs,
      renewMs,
      onRejoined: (channel, member, outcome) => this.#announce(channel, member, outcome),
      onError: (error) => this.#failed(error),
      onAnnounced: (reason, members) => {
        metrics.announcements.inc({ reason });
        logger.warn({ reason, members }, 'all members of this edge are written to the presence store again');
      },
    });
    this.#publisher = new LifecyclePublisher({
      deadlineMs: options.publishTimeoutMs,
      onPublished: ({ type }) => metrics.published.inc({ type }),
      onError: (error) => {
        metrics.publishErrors.inc({ code: error.code });
        this.#lastFailure = error;
        this.#publishFailures.note();
      },
    });
    this.#events = new MemberEvents(this.#publisher);
    metrics.read = () => ({
      members: this.#node.members,
      changes: this.#node.waiting,
      events: this.#publisher.waiting,
    });
  }

  /** Resolves after the first try for a lease: the store may be away. More than once is once: a reloaded configuration may bring presence back. */
  run(): Promise<void> {
    this.#running ??= this.#node.run();
    return this.#running;
  }

  /** From now on these say where joins and leaves go. */
  takeUp(namespaces: Namespaces): void {
    this.#namespaces = namespaces;
  }

  /** Takes everybody out, and gives up the lease. */
  async drain(): Promise<void> {
    for (const membership of this.#memberships) membership.leave();
    try {
      await withDeadline(this.#drained(), drainMs, 'taking members out');
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'members are left behind: the presence service takes them out');
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#publisher.stop();
    await this.#node.stop();
    this.#failures.stop();
    this.#publishFailures.stop();
  }

  /** Enters a channel whose namespace keeps its members. */
  enter(channel: string, info: ClientInfo): Membership {
    const { client, user } = info;
    const member: Member = { client, user, info: memberInfo(info) };
    this.#track(this.#join(channel, member));
    const membership: Membership = {
      leave: () => {
        if (this.#memberships.delete(membership)) this.#track(this.#leave(channel, client));
      },
    };
    this.#memberships.add(membership);
    return membership;
  }

  /** Who is in a channel, those among them that entered here before. @throws PresenceError, DeadlineExceeded */
  members(channel: string): Promise<ChannelMembers> {
    const { store, maxMembers } = this.#options;
    return this.#read(this.#members, channel, async () => {
      const members = await store.members(channel, maxMembers);
      return new Map(members.map((member) => [member.client, clientInfoOf(member)]));
    });
  }

  /** How many are in a channel. @throws PresenceError, DeadlineExceeded */
  stats(channel: string): Promise<PresenceStats> {
    return this.#read(this.#stats, channel, () => this.#options.store.stats(channel));
  }

  #read<T>(reads: SharedReads<T>, channel: string, load: () => Promise<T>): Promise<T> {
    const read = reads.read(channel, async () => {
      await this.#node.written(channel);
      return load();
    });
    return withDeadline(read, readTimeoutMs, 'reading presence');
  }

  async #join(channel: string, member: Member): Promise<void> {
    this.#announce(channel, member, await this.#node.join(channel, member));
  }

  async #leave(channel: string, client: string): Promise<void> {
    const leave = await this.#node.leave(channel, client);
    if (leave !== undefined) await this.#publishLeave(leave);
  }

  /** What the store said of a join: first the leave that it still owes, then the join where it is news. */
  #announce(channel: string, member: Member, { fresh, leave }: ChangeOutcome): void {
    if (leave !== undefined) this.#track(this.#publishLeave(leave));
    const log = fresh ? this.#namespaceOf(channel)?.lifecycle : undefined;
    if (log === undefined) return;
    this.#joinId++;
    const id = `${this.#idPrefix}.j${this.#joinId.toString(36)}`;
    const { node } = this.#options;
    this.#track(this.#events.publish(log, { type: 'join', id, channel, node, info: clientInfoOf(member) }));
  }

  /** A leave counts as settled only when the log has it: until then whoever finds it in the store publishes it, under its id. */
  async #publishLeave(leave: Leave): Promise<void> {
    if (this.#leaves.has(leave.id)) return;
    this.#leaves.add(leave.id);
    try {
      const log = this.#namespaceOf(leave.channel)?.lifecycle;
      if (log !== undefined) await this.#events.publish(log, leaveEvent(leave));
      await this.#node.settle(leave);
    } finally {
      this.#leaves.delete(leave.id);
    }
  }

  #namespaceOf(channel: string): Namespace | undefined {
    return this.#namespaces?.find(channel);
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  async #drained(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    await this.#node.drain();
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    this.#options.metrics.errors.inc({ code: error instanceof PresenceError ? error.code : 'other' });
    this.#lastFailure = error;
    this.#failures.note();
  }
}
