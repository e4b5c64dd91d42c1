import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '@pharos/lifecycle';
import { positive } from './checks.ts';
import type { Leave, NodeStatus, Owner, PresenceStore } from './port.ts';
import { ownerText } from './record.ts';

export interface ReaperOptions {
  /** Publishes leaves; resolves when they are published. Each may come again, under its id, after a crash or from another reaper. */
  readonly publish: (leaves: readonly Leave[]) => Promise<void>;
  /** A look or a reaping failed; the next one tries again. */
  readonly onError: (error: Error) => void;
  /** A generation was taken for dead, and all its leaves are published. */
  readonly onReaped?: (owner: Owner) => void;
  /** All leases were looked at. */
  readonly onLook?: (nodes: readonly NodeStatus[]) => void;
  /** Of the nodes. @default 10000 */
  readonly leaseMs?: number;
  /** Time between looks. The sooner a lease is seen to be absent the sooner a lease has passed since. @default a fifth of the lease */
  readonly lookMs?: number;
  /** Tells the time in milliseconds; injected in tests. @default performance.now */
  readonly now?: () => number;
}

/** An answer that took so much of a lease was no timely one. */
const slowShare = 0.25;

interface Absence {
  readonly sinceMs: number;
  readonly session: number;
}

/**
 * Takes dead nodes' members out and publishes their leaves. A node is dead when its lease was absent twice, a full lease apart, over one
 * unbroken connection over which every look between was made and answered in time, and is still absent when the tombstone is written. Any number of
 * reapers may run.
 */
export class Reaper implements Service {
  readonly #store: PresenceStore;
  readonly #options: ReaperOptions;
  readonly #leaseMs: number;
  readonly #lookMs: number;
  readonly #now: () => number;
  readonly #absences = new Map<string, Absence>();
  /** When leases were looked at last. */
  #lookedAtMs = 0;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  /** @throws PresenceError `invalid` */
  constructor(store: PresenceStore, options: ReaperOptions) {
    this.#store = store;
    this.#options = options;
    this.#leaseMs = positive('leaseMs', options.leaseMs ?? 10_000);
    this.#lookMs = positive('lookMs', options.lookMs ?? Math.ceil(this.#leaseMs / 5));
    this.#now = options.now ?? (() => performance.now());
  }

  run(): Promise<void> {
    this.#loop = this.#keepLooking();
    return Promise.resolve();
  }

  async drain(): Promise<void> {
    await this.stop();
  }

  /** Ends after the channel that is being swept. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** One look at all leases; reaps whom it finds dead, and says whom. @throws PresenceError */
  async look(): Promise<Owner[]> {
    const { session } = this.#store;
    const nodes = await this.#nodes();
    const now = this.#now();
    const dead: Owner[] = [];
    const known = new Set(nodes.map(({ owner }) => ownerText(owner)));
    for (const key of this.#absences.keys()) if (!known.has(key)) this.#absences.delete(key);
    for (const { owner, lease } of nodes) {
      const key = ownerText(owner);
      const before = this.#absences.get(key);
      if (lease !== undefined) this.#absences.delete(key);
      else if (before?.session !== session) this.#absences.set(key, { sinceMs: now, session });
      else if (now - before.sinceMs >= this.#leaseMs) dead.push(owner);
    }
    // Broken in between: what was seen may be of two different servers.
    if (this.#store.session !== session) {
      this.#absences.clear();
      return [];
    }
    this.#options.onLook?.(nodes);
    const reaped: Owner[] = [];
    for (const owner of dead) if (await this.#reap(owner)) reaped.push(owner);
    return reaped;
  }

  /**
   * Who can't look, or has to wait for it, has seen nothing of how long a lease was absent: nodes could renew none either. Nor has who didn't look for a
   * while, frozen or busy with somebody's leaves: a lease may have been there in between.
   */
  async #nodes(): Promise<readonly NodeStatus[]> {
    const askedAt = this.#now();
    if (askedAt - this.#lookedAtMs > this.#lookMs + this.#leaseMs * slowShare) this.#absences.clear();
    let answered = false;
    try {
      const nodes = await this.#store.nodes();
      this.#lookedAtMs = this.#now();
      answered = this.#lookedAtMs - askedAt <= this.#leaseMs * slowShare;
      return nodes;
    } finally {
      if (!answered) this.#absences.clear();
    }
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        this.#options.onError(error as Error);
      }
      await delay(this.#pauseMs(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the next look is due: whose lease has been absent for a while is looked at as soon as it may be taken for dead. */
  #pauseMs(): number {
    const now = this.#now();
    const dueIn = [...this.#absences.values()].map(({ sinceMs }) => sinceMs + this.#leaseMs - now);
    return Math.max(1, Math.ceil(Math.min(this.#lookMs, ...dueIn.filter((ms) => ms > 0))));
  }

  /** False where it lives after all, or the reaper is stopping. */
  async #reap(owner: Owner): Promise<boolean> {
    if (!(await this.#store.bury(owner))) return false;
    for (;;) {
      const channels = await this.#store.channelsOf(owner);
      if (channels.length === 0) break;
      for (const channel of channels) {
        if (this.#stopping.signal.aborted) return false;
        await this.#sweep(owner, channel);
      }
      await this.#store.unindex(owner, channels);
    }
    await this.#store.forget(owner);
    this.#absences.delete(ownerText(owner));
    this.#options.onReaped?.(owner);
    return true;
  }

  /** What a crash left between taking out and settling is published again: the ids are kept with the leaves. */
  async #sweep(owner: Owner, channel: string): Promise<void> {
    await this.#store.takeOut(owner, channel);
    let from: string | undefined;
    do {
      const { leaves, next } = await this.#store.owedLeaves(owner, channel, from);
      if (leaves.length > 0) {
        await this.#options.publish(leaves);
        const settled = await this.#store.change(
          leaves.map(({ client, id }) => ({ do: 'settle', channel, client, id })),
        );
        for (const outcome of settled) if (outcome instanceof Error) throw outcome;
      }
      from = next;
    } while (from !== undefined);
  }
}
