import { Backoff, Deferred } from '@pharos/lifecycle';
import { PresenceError } from '../errors.ts';
import type { Change, ChangeOutcome, Member, Owner, PresenceStore } from '../port.ts';

/** A change that the node has been asked for; the owner is put in when it is sent. */
export type Wanted =
  | { readonly do: 'join'; readonly channel: string; readonly id: string; readonly member: Member }
  | Extract<Change, { do: 'leave' | 'settle' }>;

interface Waiting {
  readonly wanted: Wanted;
  readonly done: Deferred<ChangeOutcome>;
}

/** Changes in one round trip. */
const maxBatch = 500;

export interface ChangeQueueOptions {
  readonly store: PresenceStore;
  /** Under whom changes are made now; undefined while the node has no lease: then they wait. */
  readonly owner: () => Owner | undefined;
  readonly maxWaiting: number;
  readonly onError: (error: Error) => void;
}

/**
 * Brings a node's changes into the store in their order: those that come while some are under way make the next round trip. What
 * fails and may be tried again is, before anything that came later; so an outage delays changes and loses none.
 */
export class ChangeQueue {
  readonly #options: ChangeQueueOptions;
  readonly #backoff: Backoff = new Backoff({ initialMs: 50, maxMs: 1_000 });
  #waiting: Waiting[] = [];
  /** The newest change of each channel that has any: those of a channel are made in order. */
  readonly #newest = new Map<string, Promise<ChangeOutcome>>();
  /** Who waits for changes to be made, and isn't to wait for a store that is away. */
  readonly #watchers = new Set<Deferred<void>>();
  #indexed = new Set<string>();
  #indexedFor: Owner | undefined;
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #underWay = 0;
  #closed = false;

  constructor(options: ChangeQueueOptions) {
    this.#options = options;
  }

  /** How many changes are not made yet, those under way included. */
  get length(): number {
    return this.#waiting.length + this.#underWay;
  }

  /**
   * Resolves when the change is made. `unbounded` lets it in however many wait: what is bounded by members that were let in before.
   * @throws PresenceError `queue-full`, `closed`, and what can't be tried again
   */
  async add(wanted: Wanted, bound: 'bounded' | 'unbounded' = 'bounded'): Promise<ChangeOutcome> {
    if (this.#closed) throw closed();
    const { maxWaiting } = this.#options;
    if (bound === 'bounded' && this.#waiting.length >= maxWaiting) {
      throw new PresenceError(
        'queue-full',
        `${this.#waiting.length} changes of presence wait already, at most ${maxWaiting}`,
      );
    }
    const waiting = { wanted, done: new Deferred<ChangeOutcome>() };
    this.#waiting.push(waiting);
    const { channel } = wanted;
    const made = waiting.done.promise;
    this.#newest.set(channel, made);
    const forget = (): void => {
      if (this.#newest.get(channel) === made) this.#newest.delete(channel);
    };
    made.then(forget, forget);
    // Those of the same turn of the event loop go together.
    queueMicrotask(() => this.go());
    return made;
  }

  /**
   * Resolves when what was added for the channel until now is made, or has failed for good.
   * @throws PresenceError `unavailable` where the store is away
   */
  async written(channel: string): Promise<void> {
    const newest = this.#newest.get(channel);
    if (newest === undefined) return;
    if (this.#retry !== undefined) throw away();
    const failure = new Deferred<void>();
    this.#watchers.add(failure);
    try {
      const made = newest.then(
        () => undefined,
        () => undefined,
      );
      await Promise.race([made, failure.promise]);
    } finally {
      this.#watchers.delete(failure);
    }
  }

  /** Goes on with what waits, where it may. */
  go(): void {
    if (this.#running !== undefined || this.#closed || this.#waiting.length === 0 || this.#retry !== undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.go();
    });
  }

  /** Goes on without waiting for the next try. */
  hurry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.go();
  }

  /** Takes channels off the index in which nothing of the node is left; `stillUsed` is asked once nothing is under way. */
  async tidy(stillUsed: (channel: string) => boolean): Promise<void> {
    await this.#running;
    const owner = this.#options.owner();
    if (this.#closed || owner === undefined || owner !== this.#indexedFor || this.#waiting.length > 0) return;
    const unused = [...this.#indexed].filter((channel) => !stillUsed(channel)).slice(0, maxBatch);
    if (unused.length === 0) return;
    for (const channel of unused) this.#indexed.delete(channel);
    // Changes wait meanwhile: an index that comes too early would be taken away again.
    this.#running = this.#options.store
      .unindex(owner, unused)
      .catch(this.#report)
      .finally(() => {
        this.#running = undefined;
        this.go();
      });
    await this.#running;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const { done } of this.#waiting) done.reject(closed());
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    const owner = this.#options.owner();
    if (owner === undefined) return this.#later();
    const batch = this.#waiting.splice(0, maxBatch);
    this.#underWay = batch.length;
    try {
      await this.#index(owner, batch);
      await this.#change(owner, batch);
    } catch (error) {
      this.#report(error);
      this.#again(batch);
    } finally {
      this.#underWay = 0;
    }
  }

  async #change(owner: Owner, batch: readonly Waiting[]): Promise<void> {
    const changes = batch.map(({ wanted }): Change => (wanted.do === 'join' ? { ...wanted, owner } : wanted));
    const outcomes = await this.#options.store.change(changes);
    const failed: Waiting[] = [];
    batch.forEach((waiting, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome instanceof Error) {
        if (outcome !== undefined && !isRetryable(outcome)) waiting.done.reject(outcome);
        else failed.push(waiting);
      } else waiting.done.resolve(outcome);
    });
    if (failed.length === 0) this.#backoff.reset();
    else {
      const first = outcomes.find((outcome) => outcome instanceof Error);
      if (first !== undefined) this.#report(first);
      this.#again(failed);
    }
  }

  /** Channels are noted before anybody is in them: a reaper that finds the member's node dead must know where to look. */
  async #index(owner: Owner, batch: readonly Waiting[]): Promise<void> {
    if (owner !== this.#indexedFor) {
      this.#indexedFor = owner;
      this.#indexed = new Set();
    }
    const channels = new Set(batch.filter(({ wanted }) => wanted.do === 'join').map(({ wanted }) => wanted.channel));
    const fresh = [...channels].filter((channel) => !this.#indexed.has(channel));
    await this.#options.store.index(owner, fresh);
    for (const channel of fresh) this.#indexed.add(channel);
  }

  #again(batch: readonly Waiting[]): void {
    if (this.#closed) for (const { done } of batch) done.reject(closed());
    else this.#waiting.unshift(...batch);
    this.#later();
  }

  #later(): void {
    for (const watcher of this.#watchers) watcher.reject(away());
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.go();
    }, this.#backoff.next());
  }

  readonly #report = (error: unknown): void => this.#options.onError(asError(error));
}

/** A store that refuses (credentials, its eviction policy) is mended some time, and by then the members are still there. */
function isRetryable(error: Error): boolean {
  if (error instanceof PresenceError && error.code === 'refused') return true;
  return 'retryable' in error && error.retryable === true;
}

function asError(error: unknown): Error & { readonly retryable: boolean } {
  return error instanceof PresenceError
    ? error
    : new PresenceError('failed', 'changing presence failed', { cause: error });
}

function closed(): PresenceError {
  return new PresenceError('closed', 'the node was stopped');
}

function away(): PresenceError {
  return new PresenceError('unavailable', 'changes of presence wait for the store');
}
