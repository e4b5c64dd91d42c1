import { setTimeout as delay } from 'node:timers/promises';

import { DeadlineExceeded } from '@pharos/lifecycle';

import type { LaneFeed } from '../../outbound/lane-feed.ts';
import type { Obstacle, Older, Unrecoverable } from '../../outbound/recovery.ts';
import type { ClientSession } from '../client-session.ts';

/** How long a client that comes from an edge which was ahead waits for this one; then it tries again, here or elsewhere. */
const catchUpMs = 2_000;
/** How long a resume may take that needs more than memory: SDKs give a command up after 5 s. */
const olderMs = 3_000;
/** How long an answer waits for the connection to take what was sent before. */
const crowdedMs = 3_000;
const crowdedPollMs = 20;

/** What was found out about a position, beyond what this edge's memory says. */
export interface Findings {
  readonly older?: Older;
  /** It can't be resumed, whatever the ring holds. */
  readonly unrecoverable?: Unrecoverable;
}

export interface Resume {
  readonly session: ClientSession;
  readonly feed: LaneFeed;
  readonly channel: string;
  readonly offset: number;
  readonly maxPublications: number;
  readonly maxAgeMs: number;
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
  overcome(obstacle: Obstacle, known: Findings): Promise<Findings> {
    if (obstacle.kind === 'ahead') return this.#catchUp();
    if (obstacle.kind === 'crowded') return this.#makeRoom(known);
    return this.#askStore(obstacle.ringBegin, known);
  }

  async #catchUp(): Promise<Findings> {
    const { feed, offset } = this.#resume;
    if (await feed.reached(offset, catchUpMs)) return {};
    if ((await feed.newest()) < offset) return { unrecoverable: 'beyond' };
    throw new PutOff('ahead');
  }

  /** A client that reads slowly, or asked for much at once, must not be told that what it missed is gone. */
  async #makeRoom(known: Findings): Promise<Findings> {
    const { session } = this.#resume;
    const before = session.socket.bufferedAmount();
    const until = performance.now() + crowdedMs;
    while (!session.closed && performance.now() < until) {
      await delay(crowdedPollMs);
      if (session.socket.bufferedAmount() <= before / 2) return known;
    }
    throw new PutOff('crowded');
  }

  async #askStore(ringBegin: number, known: Findings): Promise<Findings> {
    const { feed, channel, offset, maxPublications, maxAgeMs } = this.#resume;
    const leftMs = this.#leftMs();
    if (leftMs <= 0) throw new PutOff('unavailable');
    try {
      // It was asked already, and hadn't got to where the ring begins.
      if (known.older !== undefined && !(await feed.stored(ringBegin, leftMs))) throw new PutOff('unavailable');
      const verdict = await feed.older(channel, offset, { maxPublications, maxAgeMs }, Math.max(1, this.#leftMs()));
      if ('unrecoverable' in verdict) return verdict;
      if ('tier' in verdict) return { older: verdict };
      if (!(await feed.stored(ringBegin, this.#leftMs()))) throw new PutOff('unavailable');
      return {};
    } catch (error) {
      if (error instanceof PutOff || error instanceof DeadlineExceeded) throw error;
      throw new PutOff('unavailable', { cause: error });
    }
  }

  #leftMs(): number {
    return this.#deadlineAt - performance.now();
  }
}
