import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '@pharos/lifecycle';
import { positive } from '../checks.ts';
import { PresenceError } from '../errors.ts';
import type { ChangeOutcome, Leave, Member, Owner, PresenceStore } from '../port.ts';
import { ChangeQueue } from './change-queue.ts';

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
  /** @default 10000 */
  readonly leaseMs?: number;
  /** @default 3000 */
  readonly renewMs?: number;
  /** Changes that wait for the store: above it `queue-full`. @default 200000 */
  readonly maxWaitingChanges?: number;
}

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
  readonly #queue: ChangeQueue;
  readonly #channels = new Map<string, Map<string, Member>>();
  /** Leaves that were taken out and not settled, by channel: while there are any the channel stays on the index. */
  readonly #unsettled = new Map<string, number>();
  readonly #stopping = new AbortController();
  /** Unique among all nodes and lives. */
  readonly #idPrefix: string = randomBytes(8).toString('hex');
  #owner: Owner | undefined;
  #session = 0;
  /** The former generation was buried, so leaves are out or owed that the next one has to answer with joins. */
  #wasBuried = false;
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
    this.#queue = new ChangeQueue({
      store,
      owner: () => this.#owner,
      maxWaiting: options.maxWaitingChanges ?? 200_000,
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
    if (owner === undefined) return;
    if (this.#channels.size === 0 && this.#unsettled.size === 0) await this.#store.forget(owner);
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
   * where it is fresh. @throws PresenceError
   */
  async join(channel: string, member: Member): Promise<ChangeOutcome> {
    const members = this.#channels.get(channel) ?? new Map<string, Member>();
    this.#channels.set(channel, members);
    members.set(member.client, member);
    try {
      return this.#noted(await this.#queue.add({ do: 'join', channel, id: this.#nextId(), member }));
    } catch (error) {
      this.#drop(channel, member.client);
      throw error;
    }
  }

  /** Resolves when the member is out of the store, with the leave that is to be published and then settled. @throws PresenceError */
  async leave(channel: string, client: string): Promise<Leave | undefined> {
    this.#drop(channel, client);
    const { leave } = this.#noted(await this.#queue.add({ do: 'leave', channel, id: this.#nextId(), client }));
    return leave;
  }

  /** The leave was published. @throws PresenceError */
  async settle(leave: Leave): Promise<void> {
    const { channel, client, id } = leave;
    await this.#queue.add({ do: 'settle', channel, client, id }, 'unbounded');
    const left = (this.#unsettled.get(channel) ?? 1) - 1;
    if (left > 0) this.#unsettled.set(channel, left);
    else this.#unsettled.delete(channel);
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
      await this.beat();
    }
  }

  /** Renews the lease now; the node does so by itself, and a process that knows that it was frozen may do it sooner. */
  async beat(): Promise<void> {
    try {
      await this.#keepLease();
      await this.#queue.tidy((channel) => this.#channels.has(channel) || this.#unsettled.has(channel));
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  async #keepLease(): Promise<void> {
    const owner = this.#owner;
    if (owner === undefined) return this.#begin();
    const about = this.#options.about();
    const renewed = await this.#store.renew(owner, about, this.#leaseMs);
    if (renewed && this.#store.session === this.#session) return;
    if (!renewed) {
      // No member may be written under a generation that could be buried already.
      this.#owner = undefined;
      if (!(await this.#store.acquire(owner, about, this.#leaseMs))) {
        this.#wasBuried = true;
        return this.#begin();
      }
    }
    if (this.#store.session !== this.#session) {
      await this.#begin();
      return this.#store.release(owner);
    }
    // Another object: what was noted of channels may be gone with the lease.
    this.#owner = { ...owner };
    this.#announce(false);
  }

  /** Begins a generation and brings all members into it; where that fails the next beat tries again, with another. */
  async #begin(): Promise<void> {
    const owner = { node: this.#options.node, generation: randomBytes(8).toString('hex') };
    const session = this.#store.session;
    if (!(await this.#store.acquire(owner, this.#options.about(), this.#leaseMs))) return;
    this.#session = session;
    this.#owner = owner;
    this.#announce(this.#wasBuried);
    this.#wasBuried = false;
  }

  #announce(aloud: boolean): void {
    for (const [channel, members] of this.#channels) {
      for (const member of members.values()) void this.#announceOne(channel, member, aloud);
    }
    this.#queue.hurry();
  }

  async #announceOne(channel: string, member: Member, aloud: boolean): Promise<void> {
    try {
      const outcome = await this.#queue.add({ do: 'join', channel, id: this.#nextId(), member }, 'unbounded');
      // An owed leave that came after a silent return would take away who is there.
      if (outcome.leave !== undefined || (aloud && outcome.fresh)) {
        this.#options.onRejoined(channel, member, this.#noted(outcome));
      }
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  #noted(outcome: ChangeOutcome): ChangeOutcome {
    const channel = outcome.leave?.channel;
    if (channel !== undefined) this.#unsettled.set(channel, (this.#unsettled.get(channel) ?? 0) + 1);
    return outcome;
  }

  #drop(channel: string, client: string): void {
    const members = this.#channels.get(channel);
    members?.delete(client);
    if (members?.size === 0) this.#channels.delete(channel);
  }

  #nextId(): string {
    this.#changeId++;
    return `${this.#idPrefix}.${this.#changeId.toString(36)}`;
  }
}
