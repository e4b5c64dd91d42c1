import { randomBytes } from 'node:crypto';
import { checkOwner, positive, tooMany } from '../checks.ts';
import { PresenceError } from '../errors.ts';
import {
  type Change,
  type ChangeOutcome,
  defaultMostMembers,
  type LeavesPage,
  type MemberOnNode,
  type NodeStatus,
  type Owner,
  type PresenceStats,
  type PresenceStore,
} from '../port.ts';
import { ownerText } from '../record.ts';
import { MemoryChannel } from './memory-channel.ts';

export interface MemoryPresenceOptions {
  /** Tells the time in milliseconds; injected in tests. @default performance.now */
  readonly now?: () => number;
}

interface Generation {
  readonly owner: Owner;
  readonly channels: Set<string>;
  about: Buffer;
  leaseEndsAtMs: number;
  known: boolean;
  buried: boolean;
}

/** The presence store of one process; all nodes of the process share it, and it ends with it. */
export class MemoryPresence implements PresenceStore {
  readonly kind = 'memory';
  readonly session = 0;
  readonly #now: () => number;
  readonly #channels = new Map<string, MemoryChannel>();
  readonly #generations = new Map<string, Generation>();
  #closed = false;

  constructor(options: MemoryPresenceOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
  }

  acquire(owner: Owner, about: Buffer, leaseMs: number): Promise<boolean> {
    return this.#run(() => {
      checkOwner(owner);
      positive('leaseMs', leaseMs);
      const generation = this.#generation(owner);
      generation.known = true;
      if (generation.buried) return false;
      generation.about = Buffer.from(about);
      generation.leaseEndsAtMs = this.#now() + leaseMs;
      return true;
    });
  }

  renew(owner: Owner, about: Buffer, leaseMs: number): Promise<boolean> {
    return this.#run(() => {
      const generation = this.#generation(owner);
      if (!this.#lives(generation)) return false;
      generation.about = Buffer.from(about);
      generation.leaseEndsAtMs = this.#now() + leaseMs;
      return true;
    });
  }

  release(owner: Owner): Promise<void> {
    return this.#run(() => {
      this.#generation(owner).leaseEndsAtMs = 0;
    });
  }

  index(owner: Owner, channels: readonly string[]): Promise<void> {
    return this.#run(() => {
      const generation = this.#generation(owner);
      generation.known = true;
      for (const channel of channels) generation.channels.add(channel);
    });
  }

  unindex(owner: Owner, channels: readonly string[]): Promise<void> {
    return this.#run(() => {
      for (const channel of channels) this.#generation(owner).channels.delete(channel);
    });
  }

  change(changes: readonly Change[]): Promise<ChangeOutcome[]> {
    return this.#run(() =>
      changes.map((change) => {
        const channel = this.#channels.get(change.channel) ?? new MemoryChannel(change.channel);
        const outcome = channel.change(change);
        if (channel.empty) this.#channels.delete(change.channel);
        else this.#channels.set(change.channel, channel);
        return outcome;
      }),
    );
  }

  members(channel: string, most: number = defaultMostMembers): Promise<MemberOnNode[]> {
    return this.#run(() => {
      if ((this.#channels.get(channel)?.stats.clients ?? 0) > most) throw tooMany(channel, most);
      const all = this.#channels.get(channel)?.members ?? [];
      return all.filter(({ owner }) => this.#lives(this.#generation(owner)));
    });
  }

  stats(channel: string): Promise<PresenceStats> {
    return this.#run(() => this.#channels.get(channel)?.stats ?? { clients: 0, users: 0 });
  }

  nodes(): Promise<NodeStatus[]> {
    return this.#run(() => {
      const known = [...this.#generations.values()].filter((generation) => generation.known);
      return known.map((generation) => ({
        owner: generation.owner,
        lease: this.#lives(generation) ? generation.about : undefined,
      }));
    });
  }

  bury(owner: Owner): Promise<boolean> {
    return this.#run(() => {
      const generation = this.#generation(owner);
      if (this.#lives(generation)) return false;
      generation.buried = true;
      return true;
    });
  }

  channelsOf(owner: Owner): Promise<string[]> {
    return this.#run(() => [...this.#generation(owner).channels].slice(0, 100));
  }

  takeOut(owner: Owner, channel: string): Promise<void> {
    return this.#run(() => this.#channels.get(channel)?.takeOut(owner, `${randomBytes(8).toString('hex')}:`));
  }

  owedLeaves(owner: Owner, channel: string): Promise<LeavesPage> {
    return this.#run(() => ({ leaves: this.#channels.get(channel)?.owed(owner) ?? [], next: undefined }));
  }

  forget(owner: Owner): Promise<void> {
    return this.#run(() => {
      const generation = this.#generation(owner);
      generation.known = false;
      generation.channels.clear();
      if (!generation.buried) this.#generations.delete(ownerText(owner));
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#channels.clear();
    this.#generations.clear();
    return Promise.resolve();
  }

  #generation(owner: Owner): Generation {
    const key = ownerText(owner);
    const known = this.#generations.get(key);
    if (known !== undefined) return known;
    const about = Buffer.alloc(0);
    const fresh = { owner, channels: new Set<string>(), about, leaseEndsAtMs: 0, known: false, buried: false };
    this.#generations.set(key, fresh);
    return fresh;
  }

  #lives(generation: Generation): boolean {
    return generation.leaseEndsAtMs > this.#now();
  }

  /** Errors come as rejections and answers in a later turn, as from a store that is elsewhere. */
  async #run<T>(work: () => T): Promise<T> {
    if (this.#closed) throw new PresenceError('closed', 'the presence store was closed');
    return Promise.resolve().then(work);
  }
}
