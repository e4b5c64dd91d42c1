import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '@pharos/lifecycle';
import { positive } from '../checks.ts';
import { PresenceError } from '../errors.ts';
import type { ChangeOutcome, Leave, Member, Owner, PresenceStore } from '../port.ts';
import { ChangeQueue } from './change-queue.ts';
import { type Held, HeldMembers } from './held-members.ts';

export interface PresenceNodeOptions {
  readonly node: string;
  /** What the node says of itself with its lease; asked each time. */
  readonly about: () => Buffer;
  /**
   * A member was announced anew because the node had been taken for dead, and its leave is published or owed: `outcome` is to be treated like that of
   * `join`.
   */
  readonly onRejoined: (channel: string, member: Member, outcome: ChangeOutcome) => void;
  /** The store failed; the node goes on trying. */
  readonly onError: (error: Error) => void;
  /** All members are announced anew, for a reason. */
  readonly onAnnounced?: (reason: AnnounceReason, members: number) => void;
  /** @default 10000 */
  readonly leaseMs?: number;
  /** @default 3000 */
  readonly renewMs?: number;
  /** Changes that wait for the store: above it `queue-full`. @default 200000 */
  readonly maxWaitingChanges?: number;
  /** Tells the time in milliseconds; injected in tests. @default performance.now */
  readonly now?: () => number;
}

/** `lease`: Redis was emptied, or away for long. `connection`: it was lost. `buried`: the node was taken for dead. `overdue`: too many changes waited. */
export type AnnounceReason = 'lease' | 'connection' | 'buried' | 'overdue';

/**
 * A node's part in presence: it keeps the lease of its generation, and its members in the store.
 *
 * - Its lease gone without a tombstone (Redis was emptied, or away for long): the members are announced again, silently.
 * - A tombstone (the node was frozen past its lease): another generation, the members announced again, with joins.
 * - The connection was lost in between: a fail-over may have lost writes, so a new generation takes all members over, silently. What is
 *   left of the former is the reaper's.
 */
export class PresenceNode implements Service {
  readonly #store: PresenceStore;
  readonly #options: PresenceNodeOptions;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  readonly #maxWaiting: number;
  readonly #now: () => number;
  readonly #queue: ChangeQueue;
  readonly #members = new HeldMembers();
  /** Ids of leaves that were taken out and not settled, by channel: while there are any the channel stays on the index. */
  readonly #unsettled = new Map<string, Set<string>>();
  /** Leaves of members that the store doesn't know, while it is found out why. */
  readonly #lost = new Map<string, Promise<Leave | undefined>>();
  readonly #stopping = new AbortController();
  /** Unique among all nodes and lives. */
  readonly #idPrefix: string = randomBytes(8).toString('hex');
  #owner: Owner | undefined;
  #session = 0;
  /** The former generation was buried, so leaves are out or owed that the next one has to answer with joins. */
  #wasBuried = false;
  #burials = 0;
  /** Lost its lease, and it isn't known whether it was buried: `acquire` failed. */
  #doubted: Owner | undefined;
  /** When it asked for the lease that it surely had. */
  #aliveAtMs = 0;
  /** Members that the store didn't know any more and was told of again without a word, at a time when the node may have been buried already; with their channels. */
  readonly #untold = new Map<Held, string>();
  /** Members wait for room in the queue to be announced. */
  #overdue = false;
  /** Former generations that may have members yet which the present one has still to write: as long they live, too. */
  readonly #formers = new Set<Owner>();
  #beating: Promise<boolean> | undefined;
  #tidying: Promise<void> | undefined;
  #changeId = 0;
  #loop: Promise<void> | undefined;

  /** @throws PresenceError `invalid` */
  constructor(store: PresenceStore, options: PresenceNodeOptions) {
    this.#store = store;
    this.#options = options;
    this.#leaseMs = positive('leaseMs', options.leaseMs ?? 10_000);
    this.#renewMs = positive('renewMs', options.renewMs ?? 3_000);
    if (this.#renewMs * 2 > this.#leaseMs) {
      throw new PresenceError(
        'invalid',
        `renewMs is ${this.#renewMs}, expected at most half of leaseMs, ${this.#leaseMs}`,
      );
    }
    this.#maxWaiting = options.maxWaitingChanges ?? 200_000;
    this.#now = options.now ?? (() => performance.now());
    this.#queue = new ChangeQueue({
      store,
      owner: () => this.#owner,
      maxWaiting: this.#maxWaiting,
      onError: options.onError,
    });
  }

  /** The generation under which the node has its lease; undefined before the first, and while it has none. */
  get owner(): Owner | undefined {
    return this.#owner;
  }

  /** How many changes are not in the store yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  get members(): number {
    return this.#members.size;
  }

  /**
   * Resolves when all changes of a channel that were asked for until now are in the store, or have failed for good.
   * @throws PresenceError `unavailable` at once where the store is away
   */
  written(channel: string): Promise<void> {
    return this.#queue.written(channel);
  }

  /** Starts; resolves after the first try for a lease. The store may be away: then the node goes on trying. */
  async run(): Promise<void> {
    await this.beat();
    this.#loop = this.#keepBeating();
  }

  /** Waits for the changes that are under way and gives up the lease. */
  async drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopping.signal.aborted) await delay(10);
    this.#stopping.abort();
    await this.#loop;
    const owner = this.#owner;
    this.#owner = undefined;
    for (const former of this.#formers) await this.#store.release(former);
    if (owner === undefined) return;
    if (this.#members.size === 0 && this.#unsettled.size === 0) await this.#store.forget(owner);
    else await this.#store.release(owner);
  }

  /** Ends at once; the lease runs out, and what the node leaves behind is the reaper's. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#queue.close();
    await this.#loop;
  }

  /**
   * Resolves when the member is in the store. Where a leave comes with the outcome it is to be published and settled first; the join is to be published
   * where it is fresh. With `queue-full` the member is written when there is room, and told of by `onRejoined`. @throws PresenceError
   */
  async join(channel: string, member: Member): Promise<ChangeOutcome> {
    const held = this.#members.add(channel, member, this.#burials);
    try {
      return await this.#write(channel, held, 'bounded');
    } catch (error) {
      if (error instanceof PresenceError && error.code === 'queue-full') this.#overdue = true;
      else if (this.#members.includes(channel, held)) this.#members.delete(channel, member.client);
      throw error;
    }
  }

  /**
   * Resolves when the member is out of the store, with the leave that is to be published and then settled; undefined where there is none, or
   * another has it. @throws PresenceError
   */
  async leave(channel: string, client: string): Promise<Leave | undefined> {
    return await this.#takeOut(channel, client, this.#members.delete(channel, client));
  }

  async #takeOut(channel: string, client: string, held: Held | undefined): Promise<Leave | undefined> {
    const id = this.#nextId();
    if (held !== undefined) this.#untold.delete(held);
    // Members bound how many there are.
    const { leave } = this.#noted(await this.#queue.add({ do: 'leave', channel, id, client }, 'unbounded'));
    if (leave !== undefined || held?.written !== true) return leave;
    const key = keyOf(channel, client);
    const lost = this.#lostLeave({ channel, id, held });
    this.#lost.set(key, lost);
    try {
      return await lost;
    } finally {
      if (this.#lost.get(key) === lost) this.#lost.delete(key);
    }
  }

  /** The leave was published. @throws PresenceError */
  async settle(leave: Leave): Promise<void> {
    const { channel, client, id } = leave;
    await this.#queue.add({ do: 'settle', channel, client, id }, 'unbounded');
    const left = this.#unsettled.get(channel);
    left?.delete(id);
    if (left?.size === 0) this.#unsettled.delete(channel);
  }

  /**
   * The store doesn't know a member that it was told of. Either the reaper has taken it out, and its leave is the reaper's to publish;
   * or the store lost it, and nobody but this node knows that it was there.
   */
  async #lostLeave({ channel, id, held }: { channel: string; id: string; held: Held }): Promise<Leave | undefined> {
    const { node } = this.#options;
    // The lease tells which, but only one that was looked at from now on.
    await this.#beating;
    while (!(await this.#beatOnce())) {
      if (this.#stopping.signal.aborted) return undefined;
      await delay(Math.min(this.#renewMs, 500));
    }
    if (this.#burials > held.burials) return undefined;
    const owner = this.#owner ?? { node, generation: '0' };
    return { id, channel, owner, ...held.member };
  }

  async #keepBeating(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Without a lease members can't be written: sooner than at the usual pace.
      const pauseMs = this.#owner === undefined ? Math.min(this.#renewMs, 500) : this.#renewMs;
      try {
        await delay(pauseMs, undefined, { signal });
      } catch {
        return;
      }
      await this.#beatOnce();
    }
  }

  /** Renews the lease now; the node does so by itself, and a process that knows that it was frozen may do it sooner. */
  async beat(): Promise<void> {
    await this.#beatOnce();
    await this.#tidying;
  }

  /** False where the store failed. Whoever asks while one is under way gets that one. */
  #beatOnce(): Promise<boolean> {
    this.#beating ??= this.#look().finally(() => (this.#beating = undefined));
    return this.#beating;
  }

  async #look(): Promise<boolean> {
    try {
      await this.#keepLease();
      // It waits for changes that are under way, perhaps on a node of a Redis Cluster that is silent: the lease must not.
      this.#tidying ??= this.#queue
        .tidy((channel) => this.#members.has(channel) || this.#unsettled.has(channel))
        .finally(() => (this.#tidying = undefined));
      if (this.#overdue && this.#owner !== undefined && this.#queue.length < this.#maxWaiting / 2) {
        void this.#announce('overdue', true);
      }
      return true;
    } catch (error) {
      this.#options.onError(error as Error);
      return false;
    }
  }

  async #keepLease(): Promise<void> {
    const owner = this.#owner ?? this.#doubted;
    const about = this.#options.about();
    await Promise.all([...this.#formers].map((former) => this.#keepFormer(former, about)));
    if (owner === undefined) return this.#begin();
    const askedAtMs = this.#now();
    const renewed = await this.#store.renew(owner, about, this.#leaseMs);
    if (renewed && this.#owner !== undefined && this.#store.session === this.#session) {
      this.#aliveAtMs = askedAtMs;
      if (this.#formers.size === 0) this.#untold.clear();
      return;
    }
    if (!renewed) {
      // No member may be written under a generation that could be buried already.
      this.#owner = undefined;
      this.#doubted = owner;
      if (!(await this.#store.acquire(owner, about, this.#leaseMs))) {
        this.#doubted = undefined;
        this.#wasBuried = true;
        this.#burials++;
        return this.#begin();
      }
    }
    if (this.#store.session !== this.#session) return this.#begin(owner);
    this.#doubted = undefined;
    this.#aliveAtMs = askedAtMs;
    // Another object: what was noted of channels may be gone with the lease.
    this.#owner = { ...owner };
    void this.#announce('lease', false);
  }

  /** Begins a generation and brings all members into it; where that fails the next beat tries again, with another. */
  async #begin(former?: Owner): Promise<void> {
    const owner = { node: this.#options.node, generation: randomBytes(8).toString('hex') };
    const session = this.#store.session;
    const askedAtMs = this.#now();
    if (!(await this.#store.acquire(owner, this.#options.about(), this.#leaseMs))) return;
    this.#session = session;
    this.#aliveAtMs = askedAtMs;
    this.#owner = owner;
    this.#doubted = undefined;
    const announced = this.#wasBuried ? this.#announce('buried', true) : this.#announce('connection', false);
    this.#wasBuried = false;
    if (former !== undefined) void this.#retire(former, announced);
  }

  /** Its lease runs out once nobody here is under it any more: before that they would be left out of answers, as with a lease given back at once those who were just read. */
  async #retire(former: Owner, announced: Promise<void>): Promise<void> {
    this.#formers.add(former);
    await announced;
    // It may have been buried since it was renewed last.
    const kept = this.#keepFormer(former, this.#options.about());
    await kept.catch((error: unknown) => this.#options.onError(error as Error));
    this.#formers.delete(former);
  }

  async #keepFormer(former: Owner, about: Buffer): Promise<void> {
    if (await this.#store.renew(former, about, this.#leaseMs)) return;
    if (!this.#formers.has(former) || (await this.#store.acquire(former, about, this.#leaseMs))) return;
    if (!this.#formers.delete(former)) return;
    this.#burials++;
    for (const [held, channel] of this.#untold) {
      this.#options.onRejoined(channel, held.member, { fresh: true, leave: undefined });
    }
    this.#untold.clear();
  }

  /** Resolves when all have been tried. */
  async #announce(reason: AnnounceReason, aloud: boolean): Promise<void> {
    // Where the queue was full, who has not been written yet is new to everybody.
    const isOverdue = this.#overdue;
    this.#overdue = false;
    if (this.#members.size > 0) this.#options.onAnnounced?.(reason, this.#members.size);
    const announced: Promise<void>[] = [];
    for (const [channel, held] of this.#members) {
      announced.push(this.#announceOne(channel, held, aloud || (isOverdue && !held.written)));
    }
    this.#queue.hurry();
    await Promise.all(announced);
  }

  async #announceOne(channel: string, held: Held, aloud: boolean): Promise<void> {
    const { member, written, burials } = held;
    try {
      const outcome = await this.#rewrite(channel, held);
      const isNews = outcome.fresh && (aloud || burials < this.#burials);
      const isUntold = this.#untold.has(held) && burials < this.#burials;
      // An owed leave that came after a silent return would take away who is there.
      if (outcome.leave !== undefined || isNews || isUntold) {
        this.#untold.delete(held);
        this.#options.onRejoined(channel, member, isUntold ? { ...outcome, fresh: true } : outcome);
      } else if (outcome.fresh && written && this.#now() - this.#aliveAtMs > this.#leaseMs) {
        this.#untold.set(held, channel);
      }
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  /** As `join`: what a round trip did has to be told in its order, and so each way from there has to be as long. */
  async #rewrite(channel: string, held: Held): Promise<ChangeOutcome> {
    return await this.#write(channel, held, 'unbounded');
  }

  async #write(channel: string, held: Held, bound: 'bounded' | 'unbounded'): Promise<ChangeOutcome> {
    const { member } = held;
    const made = await this.#queue.add({ do: 'join', channel, id: this.#nextId(), member }, bound);
    const outcome = this.#made(held, made);
    // The same client was there before, and how it left is still being found out: that comes first.
    const losing = this.#lost.get(keyOf(channel, member.client));
    if (losing === undefined) return outcome;
    const lost = await losing;
    return lost === undefined ? outcome : this.#noted({ ...outcome, leave: lost });
  }

  #made(held: Held, outcome: ChangeOutcome): ChangeOutcome {
    held.written = true;
    held.burials = this.#burials;
    return this.#noted(outcome);
  }

  #noted(outcome: ChangeOutcome): ChangeOutcome {
    const { leave } = outcome;
    if (leave === undefined) return outcome;
    const unsettled = this.#unsettled.get(leave.channel) ?? new Set<string>();
    this.#unsettled.set(leave.channel, unsettled.add(leave.id));
    return outcome;
  }

  #nextId(): string {
    this.#changeId++;
    return `${this.#idPrefix}.${this.#changeId.toString(36)}`;
  }
}

function keyOf(channel: string, client: string): string {
  return `${client.length} ${client} ${channel}`;
}
