import { namespaceName } from '@pharos/channels';
import type { ChannelLimits, HistoryPage, HistoryQuery, HistoryStore, LaneId, NotRecovered } from '@pharos/history';
import type { Logger } from '@pharos/telemetry';

import type { EdgeMetrics } from '../metrics.ts';
import { OffsetWaiters } from './offset-waiters.ts';
import type { Gate } from './gate.ts';
import type { OlderPage, OlderWanted } from './history-page.ts';
import type { Older, Unrecoverable } from './recovery.ts';

export interface LaneStoreContext {
  readonly store: HistoryStore;
  readonly logger: Logger;
  readonly metrics: EdgeMetrics;
  /** Bounds the pages that are read at the same time, over all lanes. */
  readonly pages?: Gate | undefined;
  /** Injected in tests. @default performance.now */
  readonly now?: () => number;
}

/** What the store says of a position; `unbuilt`: it has nothing of the lane, which is written again as soon as somebody does. */
export type StoreVerdict = Older | { readonly unrecoverable: Unrecoverable } | { readonly unbuilt: true };

export interface OlderLimits {
  readonly maxPublications: number;
  readonly maxAgeMs: number;
}

/** How often a lane's watermark is read while somebody waits for it. */
const pollMs = 50;
/** A history service begins a lane at once when it finds it empty; where none has in so long, none runs. */
const unbuiltGraceMs = 60_000;
/** Clients that are put off come again sooner: who comes later asks anew, perhaps after another loss. */
const unbuiltMemoryMs = 45_000;

const reasons: Readonly<Record<Exclude<NotRecovered, 'no-lane'>, Unrecoverable>> = {
  floor: 'history',
  trimmed: 'history',
  'too-many': 'limit',
  'too-old': 'limit',
};

/** What an edge asks the store of one lane, and what it has learnt of the lane by that. */
export class LaneStore {
  readonly #context: LaneStoreContext;
  readonly #lane: () => LaneId;
  readonly #waiters = new OffsetWaiters();
  /** Pages that are being read: whoever asks for the same has the same. */
  readonly #reading = new Map<string, Promise<HistoryPage | undefined>>();
  #poll: NodeJS.Timeout | undefined;
  /** Of each namespace since when, and until when, the store was seen to have nothing of it in the lane. */
  readonly #unbuilt = new Map<string, { readonly since: number; readonly seen: number }>();
  #closed = false;

  /** @param lane of the life that is followed now */
  constructor(lane: () => LaneId, context: LaneStoreContext) {
    this.#lane = lane;
    this.#context = context;
  }

  /** What the channel has after an offset, up to the store's watermark. @throws HistoryError */
  async older(channel: string, offset: number, limits: OlderLimits, deadlineMs: number): Promise<StoreVerdict> {
    const lane = this.#lane();
    const namespace = namespaceName(channel);
    const question = { channel, namespace, offset, limits: { size: limits.maxPublications, ttlMs: limits.maxAgeMs } };
    const [answer] = await this.#timed('recover', () => this.#context.store.recoverMany(lane, [question], deadlineMs));
    if (answer === undefined) throw new RangeError('the store answered no question of one');
    if (answer.recovered) {
      this.#unbuilt.delete(namespace);
      const { watermark: through, publications } = answer;
      return { tier: 'store', epoch: lane.epoch, through, publications };
    }
    if (answer.reason === 'no-lane') return this.#noLane(namespace);
    this.#unbuilt.delete(namespace);
    return { unrecoverable: reasons[answer.reason] };
  }

  /** A page of what the store has of the channel; undefined where it has nothing of the lane yet. @throws HistoryError */
  async page(
    channel: string,
    wanted: OlderWanted,
    reverse: boolean,
    limits: ChannelLimits,
    deadlineAt: number,
  ): Promise<OlderPage | undefined> {
    const lane = this.#lane();
    const { since, limit } = wanted;
    const namespace = namespaceName(channel);
    const query = { namespace, limit, reverse, limits, ...(since === undefined ? {} : { since }) };
    const key = JSON.stringify([lane.epoch, channel, query]);
    const known = this.#reading.get(key);
    const reading = known ?? this.#readPage(lane, channel, query, deadlineAt);
    if (known === undefined) {
      this.#reading.set(key, reading);
      void reading.catch(() => undefined).finally(() => this.#reading.delete(key));
    }
    const page = await reading;
    if (page !== undefined) {
      this.#unbuilt.delete(namespace);
      const { watermark: through, publications, missingThrough, removedThrough } = page;
      const more = page.next !== undefined;
      return {
        tier: 'store',
        epoch: lane.epoch,
        through,
        since,
        limit,
        publications,
        more,
        missingThrough,
        removedThrough,
      };
    }
    return 'unbuilt' in this.#noLane(namespace) ? undefined : nothingOlder(lane.epoch, wanted);
  }

  /** Resolves with true once the store has all up to the offset, with false after `timeoutMs`. One question at a time, whoever waits. */
  has(offset: number, timeoutMs: number): Promise<boolean> {
    const reached = this.#waiters.wait(offset, timeoutMs);
    this.#schedule();
    return reached;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#poll);
    this.#waiters.stop();
  }

  #readPage(lane: LaneId, channel: string, query: HistoryQuery, deadlineAt: number): Promise<HistoryPage | undefined> {
    const read = (): Promise<HistoryPage | undefined> =>
      this.#timed('history', () => this.#context.store.history(lane, channel, query));
    const { pages } = this.#context;
    return pages === undefined ? read() : pages.run(deadlineAt, read);
  }

  #noLane(namespace: string): StoreVerdict {
    const now = this.#context.now?.() ?? performance.now();
    const known = this.#unbuilt.get(namespace);
    const since = known === undefined || now - known.seen > unbuiltMemoryMs ? now : known.since;
    this.#unbuilt.set(namespace, { since, seen: now });
    if (now - since <= unbuiltGraceMs) return { unbuilt: true };
    this.#context.metrics.storeErrors.inc({ code: 'no-lane' });
    return { unrecoverable: 'history' };
  }

  #schedule(): void {
    if (this.#poll !== undefined || this.#closed) return;
    this.#poll = setTimeout(() => void this.#look(), pollMs);
  }

  async #look(): Promise<void> {
    try {
      const state = await this.#timed('state', () => this.#context.store.state(this.#lane()));
      this.#waiters.reached(state?.watermark ?? 0);
    } catch (error) {
      this.#context.logger.debug({ err: error }, 'the watermark of a lane could not be read');
    }
    this.#poll = undefined;
    if (this.#waiters.waiting) this.#schedule();
  }

  async #timed<T>(operation: 'recover' | 'state' | 'history', work: () => Promise<T>): Promise<T> {
    const end = this.#context.metrics.storeSeconds.startTimer({ operation });
    try {
      return await work();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
      this.#context.metrics.storeErrors.inc({ code });
      throw error;
    } finally {
      end();
    }
  }
}

/** Where there is nothing to ask: whatever was before the ring may be missing. */
export function nothingOlder(epoch: string, { since, limit, ringBegin }: OlderWanted): OlderPage {
  const nothing = { publications: [], more: false, through: Infinity, missingThrough: ringBegin };
  return { tier: 'ring', epoch, since, limit, ...nothing };
}
