import type { LaneMark, Place } from '../lanes/lane-watch.ts';

/** A publish that a key stands for, within its channel. */
export interface KeyedPublish {
  /** Full topic name. */
  readonly log: string;
  readonly channel: string;
  readonly key: string;
}

/** Whoever publishes under a key: nobody else has this name. */
export type Publisher = string;

export type Claim =
  /** Nobody has published under the key; who asked is to do it now. */
  | { readonly kind: 'mine' }
  /** Who was to do it is gone: it lies behind the mark in the log, or nowhere. Who asked is to look, and then to do it. */
  | { readonly kind: 'abandoned'; readonly mark: LaneMark }
  /** Somebody is doing it. */
  | { readonly kind: 'busy' }
  /** It was published; there, if that is known. */
  | { readonly kind: 'done'; readonly place: Place | undefined };

/**
 * Who publishes what under which key, remembered for an hour. Every call is one atomic step. What is held by a publisher that doesn't hold on to
 * it is abandoned after a while.
 */
export interface IdempotencyStore {
  /** @param mark up to where the lane has been seen: what is published after this call lies behind it. @throws RedisError */
  claim(publish: KeyedPublish, publisher: Publisher, mark: LaneMark): Promise<Claim>;
  /** Still at it. False where it isn't this publisher's any more. @param mark up to there it was looked for in vain */
  hold(publish: KeyedPublish, publisher: Publisher, mark?: LaneMark): Promise<boolean>;
  /** It is in the log. */
  done(publish: KeyedPublish, publisher: Publisher, place: Place | undefined): Promise<void>;
  /** It is not in the log and will not come there. */
  release(publish: KeyedPublish, publisher: Publisher): Promise<void>;
  /** It may be in the log behind the mark: the next to ask is to look. */
  abandon(publish: KeyedPublish, publisher: Publisher): Promise<void>;
}

/** How long a key is remembered. */
export const windowMs = 3_600_000;
/** How long a publisher that says nothing is taken to be at it. */
export const defaultHoldMs = 10_000;
