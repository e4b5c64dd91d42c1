import { setTimeout as delay } from 'node:timers/promises';

import type { LaneFeed } from '../../outbound/lane-feed.ts';
import type { OlderPage, OlderWanted, PageLimits } from '../../outbound/history-page.ts';
import type { Obstacle, Older, RecoveryLimits, Unrecoverable } from '../../outbound/recovery.ts';
import type { ClientSession } from '../client-session.ts';

/** How long a client that comes from an edge which was ahead waits for this one; then it tries again, here or elsewhere. */
const catchUpMs = 2_000;
/** How long a resume may take that needs more than memory: SDKs give a command up after 5 s. */
export const olderMs = 3_000;
/** How long an answer waits for the connection to take what was sent before. */
const crowdedMs = 3_000;
const crowdedPollMs = 20;

/** What was found out about a position, beyond what this edge's memory says. */
export interface Findings {
  readonly older?: Older;
  readonly page?: OlderPage;
  /** It can't be resumed, whatever the ring holds. */
  readonly unrecoverable?: Unrecoverable;
}

export interface Resume {
  readonly session: ClientSession;
  readonly feed: LaneFeed;
  readonly channel: string;
  readonly offset: number;
  readonly limits: RecoveryLimits;
  readonly pageLimits: PageLimits;
}

/** Why a resume is put off: the client is told to try again. */
export class PutOff extends Error {
  readonly outcome: 'ahead' | 'unavailable' | 'crowded';

  constructor(outcome: PutOff['outcome'], options?: ErrorOptions) {
    super(`a resume was put off: ${outcome}`, options);
    this.outcome = outcome;
  }
}

/** Removes what keeps positions from being resumed, for one resume, within a time in all. */
export class Overcoming {
  readonly #resume: Resume;
  readonly #deadlineAt = performance.now() + olderMs;

  constructor(resume: Resume) {
    this.#resume = resume;
  }

  /** @throws PutOff, BusError */
  async overcome(obstacle: Obstacle, known: Findings): Promise<Findings> {
    if (obstacle.kind === 'ahead') return this.#catchUp();
    if (obstacle.kind === 'crowded') {
      await makeRoom(this.#resume.session);
      return known;
    }
    if (this.#leftMs() <= 0) throw new PutOff('unavailable');
    try {
      if (obstacle.kind === 'wanted') return { page: await this.#askPage(obstacle.wanted, known.page) };
      return await this.#askStore(obstacle.ringBegin, known);
    } catch (error) {
      throw error instanceof PutOff ? error : new PutOff('unavailable', { cause: error });
    }
  }

  async #catchUp(): Promise<Findings> {
    const { feed, offset } = this.#resume;
    if (await feed.reached(offset, catchUpMs)) return {};
    if ((await feed.newest()) < offset) return { unrecoverable: 'beyond' };
    throw new PutOff('ahead');
  }

  async #askStore(ringBegin: number, known: Findings): Promise<Findings> {
    const { feed, channel, offset, limits } = this.#resume;
    // It was asked already, and hadn't got to where the ring begins.
    if (known.older !== undefined) await this.#storeHas(ringBegin);
    const verdict = await feed.older(channel, offset, limits, Math.max(1, this.#leftMs()));
    if ('unrecoverable' in verdict) return verdict;
    if ('tier' in verdict) return { older: verdict };
    await this.#storeHas(ringBegin);
    return {};
  }

  async #askPage(wanted: OlderWanted, known: OlderPage | undefined): Promise<OlderPage> {
    const { feed, channel, pageLimits } = this.#resume;
    if (known !== undefined && known.through < wanted.ringBegin) await this.#storeHas(wanted.ringBegin);
    for (;;) {
      const limits = pageLimits.stored;
      const page = await feed.olderPage(
        { wanted, asOf: wanted.ringBegin, reverse: true, limits, deadlineAt: this.#deadlineAt },
        channel,
        false,
      );
      if (page !== undefined) return page;
      await this.#storeHas(wanted.ringBegin);
    }
  }

  async #storeHas(offset: number): Promise<void> {
    const leftMs = this.#leftMs();
    if (leftMs <= 0 || !(await this.#resume.feed.stored(offset, leftMs))) throw new PutOff('unavailable');
  }

  #leftMs(): number {
    return this.#deadlineAt - performance.now();
  }
}

/**
 * Resolves when the connection has taken half of what waits for it: a client that reads slowly, or asked for much at once, must
 * not be told that what it missed is gone. @throws PutOff
 */
export async function makeRoom(session: ClientSession): Promise<void> {
  const before = session.socket.bufferedAmount();
  const until = performance.now() + crowdedMs;
  while (!session.closed && performance.now() < until) {
    await delay(crowdedPollMs);
    if (session.socket.bufferedAmount() <= before / 2) return;
  }
  throw new PutOff('crowded');
}
