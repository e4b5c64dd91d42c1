import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { BusError, idempotencyKeyProperty, type NewPublication } from '@pharos/bus';
import { errorCodes } from '@pharos/client-protocol';
import type { Logger } from '@pharos/telemetry';

import { ApiError, notAvailable, toApiError, unavailable } from '../api-error.ts';
import type { LaneMark, LaneWatch, Place } from '../lanes/lane-watch.ts';
import type { ApiMetrics } from '../metrics.ts';
import { type Claim, defaultHoldMs, type IdempotencyStore, type KeyedPublish, windowMs } from './port.ts';
import { scan } from './scan.ts';

/** How long somebody else's publish is waited for between two looks. */
const pollMs = 50;
/** Publishes whose outcome nobody knows, and which are held until it is known. */
const maxUnsettled = 1_000;
const maxKeyLength = 256;

export interface KeyedPublishesOptions {
  readonly store: IdempotencyStore;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  /** As the store has it. @default 10000 */
  readonly holdMs?: number;
}

/**
 * Publishes that are in their channel once for each key, however often and to whichever replica they are sent. Where it can't be told whether one was
 * published, nobody publishes again: the answer is error 100.
 */
export class KeyedPublishes {
  readonly #options: KeyedPublishesOptions;
  readonly #holdMs: number;
  /** Those that are being done, or whose outcome isn't known: each is held. */
  readonly #held = new Set<Holding>();
  #isStopped = false;

  constructor(options: KeyedPublishesOptions) {
    this.#options = options;
    this.#holdMs = options.holdMs ?? defaultHoldMs;
  }

  /** @throws ApiError, BusError, RedisError */
  async publish(
    watch: LaneWatch,
    publication: NewPublication,
    key: string,
    deadlineMs: number,
  ): Promise<Place | undefined> {
    if (key.length > maxKeyLength)
      throw new ApiError(errorCodes.badRequest, `idempotency_key: it is longer than ${maxKeyLength} characters`);
    if (this.#held.size >= maxUnsettled) throw new ApiError(errorCodes.tooManyRequests);
    const publish: KeyedPublish = { log: watch.log.topic, channel: publication.channel, key };
    const publisher = randomUUID();
    const { metrics } = this.#options;
    const deadlineAt = performance.now() + deadlineMs;
    try {
      for (;;) {
        const leftMs = deadlineAt - performance.now();
        if (leftMs <= 0)
          throw new ApiError(
            errorCodes.internal,
            'somebody publishes under this key, and the outcome is not known yet',
          );
        const mark = await watch.mark(leftMs);
        if (mark === undefined) throw notAvailable('an idempotency_key needs offsets, and the log gives none');
        // The store counts from somewhere between question and answer.
        const askedMs = performance.now();
        const claim = await this.#options.store.claim(publish, publisher, mark);
        if (claim.kind === 'done') {
          metrics.idempotent.inc({ outcome: 'repeated' });
          return claim.place;
        }
        if (claim.kind !== 'busy')
          return await this.#claimed({ watch, publication, publish, publisher, deadlineAt, askedMs }, claim);
        await delay(Math.min(pollMs, Math.max(1, leftMs)));
        if (this.#isStopped) throw new ApiError(errorCodes.internal, 'the server is shutting down');
      }
    } catch (error) {
      if (!(error instanceof ApiError) && toApiError(error) === undefined) throw error;
      metrics.idempotent.inc({ outcome: error instanceof Failed ? 'failed' : 'unknown' });
      throw error instanceof Failed ? error.reason : error;
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const holding of this.#held) holding.stop();
    this.#held.clear();
  }

  async #claimed(work: Work, claim: Exclude<Claim, { kind: 'busy' | 'done' }>): Promise<Place | undefined> {
    const holding = new Holding(this.#options, work, this.#holdMs, (ended) => this.#held.delete(ended));
    this.#held.add(holding);
    try {
      if (claim.kind === 'abandoned') {
        const found = await this.#search(work, claim.mark, holding);
        if (found !== undefined) return found;
      }
      return await this.#append(work, holding);
    } catch (error) {
      holding.failed();
      throw error;
    }
  }

  /** Where who was to publish did so before it died. @throws ApiError where it can't be told */
  async #search({ watch, publish, deadlineAt }: Work, mark: LaneMark, holding: Holding): Promise<Place | undefined> {
    const outcome = await scan(
      watch,
      mark,
      publish.channel,
      publish.key,
      Math.max(1, deadlineAt - performance.now()),
    ).catch((error: unknown) => {
      void holding.abandon();
      throw error;
    });
    if (outcome.kind === 'found') {
      this.#options.metrics.idempotent.inc({ outcome: 'found' });
      await holding.settled(outcome.place);
      return outcome.place;
    }
    if (outcome.kind === 'absent') return undefined;
    if (outcome.kind === 'unfinished') await holding.abandon(outcome.mark);
    else await holding.abandon();
    throw new ApiError(
      errorCodes.internal,
      outcome.kind === 'gone'
        ? 'whether it was published can not be told: the log does not go back far enough'
        : 'whether it was published is still being looked for',
    );
  }

  async #append(work: Work, holding: Holding): Promise<Place | undefined> {
    const { metrics } = this.#options;
    holding.watch();
    try {
      const place = await this.#write(work, holding);
      metrics.idempotent.inc({ outcome: 'published' });
      await holding.settled(place);
      return place;
    } catch (error) {
      // Nothing was written.
      if (error instanceof ApiError) throw error;
      if (!(error instanceof BusError) || error.code === 'outcome-unknown') {
        // It may have come by before the log's word was given up.
        const place = holding.unknown();
        if (place === undefined) throw error;
        metrics.idempotent.inc({ outcome: 'published' });
        return place;
      }
      if (isSure(error)) await holding.release();
      // It is not sent again: whoever asks next can find out.
      else await holding.abandon();
      throw new Failed(error);
    }
  }

  /** Nothing is written that the claim may not cover any more, however long the log is away. @throws BusError, ApiError */
  async #write({ watch, publication, publish, deadlineAt }: Work, holding: Holding): Promise<Place | undefined> {
    const keyed = { ...publication, properties: { ...publication.properties, [idempotencyKeyProperty]: publish.key } };
    for (;;) {
      // Whoever was held up for so long may have been taken for dead: somebody else publishes then.
      if (!holding.isHeld)
        throw new ApiError(errorCodes.internal, 'the claim of the key was lost before anything was published');
      const leftMs = Math.max(1, deadlineAt - performance.now());
      try {
        return await watch.append(keyed, Math.min(leftMs, this.#holdMs / 2));
      } catch (error) {
        const isOver = performance.now() >= deadlineAt;
        if (isOver || !(error instanceof BusError) || error.code !== 'deadline') throw error;
      }
    }
  }
}

interface Work {
  readonly watch: LaneWatch;
  readonly publication: NewPublication;
  readonly publish: KeyedPublish;
  readonly publisher: string;
  readonly deadlineAt: number;
  /** When the claim was asked for. */
  readonly askedMs: number;
}

/** It was not published, or can be found. */
class Failed extends ApiError {
  readonly reason: Error;

  constructor(reason: BusError) {
    super((toApiError(reason) ?? unavailable(reason)).code, reason.message, { cause: reason });
    this.reason = reason;
  }
}

/** Whether an append that failed so was surely not written. */
function isSure({ code }: BusError): boolean {
  return code === 'deadline' || code === 'queue-full' || code === 'too-large';
}

/** Holds on to a claim for as long as its publish may be under way. */
class Holding {
  readonly #options: KeyedPublishesOptions;
  readonly #work: Work;
  readonly #onEnd: (holding: Holding) => void;
  readonly #holdMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #begunMs: number = performance.now();
  #heldUntil: number;
  /** What is to be told to the store, once it can be told. */
  #place: { readonly place: Place | undefined } | undefined;
  /** Where it was seen to come by. */
  #seen: Place | undefined;
  #isUnknown = false;
  #forget: (() => void) | undefined;
  #isOver = false;

  constructor(options: KeyedPublishesOptions, work: Work, holdMs: number, onEnd: (holding: Holding) => void) {
    this.#options = options;
    this.#work = work;
    this.#holdMs = holdMs;
    this.#onEnd = onEnd;
    this.#heldUntil = work.askedMs + holdMs / 2;
    this.#timer = setInterval(() => void this.#renew(), holdMs / 4);
    this.#timer.unref();
  }

  /** Whether it is this publisher's for a while yet, by its own clock. */
  get isHeld(): boolean {
    return performance.now() < this.#heldUntil;
  }

  /** It is in the log. Where the store can't be told now it is told later: until then nobody else publishes. */
  async settled(place: Place | undefined): Promise<void> {
    this.#place = { place };
    await this.#tell();
  }

  /** From now on it is noted when it comes by. */
  watch(): void {
    const { watch, publish } = this.#work;
    this.#forget = watch.onKey(publish.channel, publish.key, (place) => {
      this.#seen ??= place;
      if (this.#isUnknown) void this.settled(this.#seen);
    });
  }

  /**
   * It may be in the log, or come there yet: a frame that was written is sent again after a lost connection. Held until it is seen; where it
   * was, says where.
   */
  unknown(): Place | undefined {
    this.#isUnknown = true;
    if (this.#seen !== undefined) void this.settled(this.#seen);
    return this.#seen;
  }

  async release(): Promise<void> {
    this.stop();
    await this.#try(() => this.#options.store.release(this.#work.publish, this.#work.publisher));
  }

  /** Lets the next one look. @param mark up to where that was done in vain */
  async abandon(mark?: LaneMark): Promise<void> {
    const { store } = this.#options;
    const { publish, publisher } = this.#work;
    this.stop();
    await this.#try(async () => {
      if (mark !== undefined) await store.hold(publish, publisher, mark);
      await store.abandon(publish, publisher);
    });
  }

  /** An error came: what isn't waited for any more is given up. */
  failed(): void {
    if (!this.#isUnknown && this.#place === undefined) this.stop();
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#forget?.();
    this.#onEnd(this);
  }

  async #renew(): Promise<void> {
    if (performance.now() - this.#begunMs > windowMs) return this.stop();
    if (this.#place !== undefined) return this.#tell();
    const before = performance.now();
    const { publish, publisher } = this.#work;
    const isHeld = await this.#try(() => this.#options.store.hold(publish, publisher));
    if (isHeld === true) this.#heldUntil = before + this.#holdMs / 2;
    if (isHeld === false) this.#heldUntil = 0;
  }

  async #tell(): Promise<void> {
    const { publish, publisher } = this.#work;
    const told = await this.#try(async () => {
      await this.#options.store.done(publish, publisher, this.#place?.place);
      return true;
    });
    if (told === true) this.stop();
  }

  async #try<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'the store of idempotency keys could not be told; it is tried again');
      return undefined;
    }
  }
}
