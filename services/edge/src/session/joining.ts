import { isChannelName, keepsHistory, type Namespace, type NamespaceConfig } from '@pharos/channels';
import {
  type ClientInfo,
  type ErrorCode,
  errorCodes,
  type Publication,
  type SubscribeRequest,
  type SubscribeResult,
  subscribeFlags,
} from '@pharos/client-protocol';

import type { LaneFeed } from '../outbound/lane-feed.ts';
import type { LatestLimits } from '../outbound/latest-recovery.ts';
import type { LifecycleFeed } from '../outbound/lifecycle-feed.ts';
import { type Obstacle, type Recovery, type RecoveryLimits, travelBytes } from '../outbound/recovery.ts';
import type { Shape } from '../outbound/subscriber.ts';
import type { TagFilter } from '../outbound/tag-filter.ts';
import { sizeOf } from './answer-size.ts';
import type { ClientSession } from './client-session.ts';
import { pageLimits } from './commands/history.ts';
import { type Findings, Overcoming } from './commands/overcome.ts';
import { type Grant, optionsUnder } from './grant.ts';
import { refreshProxyOf } from './server-refresh.ts';
import { lifecycleFeed, takePart } from './take-part.ts';

/** A subscription that was allowed, on its way into the live set of its channel. */
export class Joining {
  readonly channel: string;
  readonly #session: ClientSession;
  readonly #request: SubscribeRequest;
  readonly #namespace: Namespace;
  readonly #options: NamespaceConfig;
  readonly #grant: Grant;
  readonly #feed: LaneFeed;
  /** Joins and leaves, where they are wanted. */
  readonly #events: LifecycleFeed | undefined;
  readonly #shape: Shape;
  #findings: Findings = {};
  #overcoming: Overcoming | undefined;

  constructor(
    session: ClientSession,
    namespace: Namespace,
    request: SubscribeRequest,
    grant: Grant,
    filter?: TagFilter,
  ) {
    const { channel, joinLeave, flag, delta } = request;
    this.channel = channel;
    this.#session = session;
    this.#request = request;
    this.#namespace = namespace;
    this.#options = optionsUnder(grant, namespace.options);
    this.#grant = grant;
    this.#shape = {
      // The JavaScript SDK asks for it with Protobuf too, and then finds no subscription of the number: to it 64-bit integers are objects.
      compact: (flag & subscribeFlags.channelCompaction) !== 0 && session.codec.encoding === 'json',
      delta: delta !== '' && this.#options.allowed_delta_types.some((type) => type === delta),
      filter,
    };
    this.#feed = session.context.hub.feedOf(namespace.log, channel);
    this.#events = lifecycleFeed(session.context, { ...namespace, options: this.#options }, channel, joinLeave);
  }

  get lane(): number {
    return this.#feed.lane;
  }

  /** Whether its lanes are attached. */
  get attached(): boolean {
    return this.#feed.attached && this.#events?.attached !== false;
  }

  /** Waits for the lanes. @throws DeadlineExceeded, BusError */
  async ready(): Promise<void> {
    const { attachTimeoutMs } = this.#session.context.limits;
    // While one is waited for the other may end, or be let go by its last subscriber.
    do await Promise.all([this.#feed.ready(attachTimeoutMs), this.#events?.ready(attachTimeoutMs)]);
    while (!this.attached && !this.#session.closed);
  }

  /**
   * Looks at what was missed. Where that can be answered now, `enter` must follow in this very turn, so that nothing falls between the answer
   * and the first live publication, and nothing comes twice.
   *
   * @param besideBytes what else is in the answer
   */
  look(besideBytes: number = sizeOf(this.#grant.data)): Obstacle | Ready {
    const recoverable = this.#isRecoverable();
    const limits = this.#limits(besideBytes);
    if (besideBytes > 0 && limits.roomBytes < 0) return { kind: 'crowded' };
    const recovery = this.#request.recover ? this.#recovery(recoverable, limits) : undefined;
    return recovery !== undefined && isObstacle(recovery) ? recovery : { kind: 'ready', recoverable, recovery };
  }

  /** What there is to be sent of what was missed. */
  missedBytes({ recovery }: Ready): number {
    if (recovery?.kind !== 'recovered') return 0;
    const { encoding } = this.#session.codec;
    return recovery.publications.reduce((bytes, publication) => bytes + travelBytes(publication, encoding), 0);
  }

  /** Removes what keeps it from being answered. @throws PutOff, BusError */
  async overcome(obstacle: Obstacle): Promise<void> {
    const { channel, offset } = this.#request;
    this.#overcoming ??= new Overcoming({
      ...{ session: this.#session, feed: this.#feed, channel, offset },
      limits: this.#limits(sizeOf(this.#grant.data)),
      pageLimits: pageLimits(this.#session, this.#namespace),
    });
    this.#findings = await this.#overcoming.overcome(obstacle, this.#findings);
  }

  /** Joins the live set, and says what to answer. */
  enter({ recoverable, recovery }: Ready): SubscribeResult | ErrorCode {
    const session = this.#session;
    const request = this.#request;
    const feed = this.#feed;
    const { channel } = this;
    const recovered = recovery?.kind === 'recovered';
    if (recovery !== undefined) note(session, recovery, recoverable);
    if (recovery !== undefined && !recovered && (request.flag & subscribeFlags.rejectUnrecovered) !== 0) {
      session.subscriptions.delete(channel);
      return errorCodes.unrecoverablePosition;
    }
    const { filter } = this.#shape;
    if (filter !== undefined && !feed.admits(channel, filter.canonical, session.context.limits.channelFilters)) {
      session.subscriptions.delete(channel);
      return errorCodes.limitExceeded;
    }
    const wanted = this.#options.force_positioning || (this.#options.allow_positioning && request.positioned);
    const positioned = recoverable || (wanted && feed.indexed);
    const subscription = feed.join(channel, session, positioned, this.#shape);
    session.subscriptions.set(channel, subscription);
    session.hold(channel, this.#grant);
    takePart(session.context, this.#options, subscription, this.#info(), this.#events);
    const { data, expireAt } = this.#grant;
    return {
      ...(expireAt === undefined || refreshProxyOf(session, channel) !== undefined
        ? {}
        : { expires: true, ttlSeconds: session.context.expirations.ttlSeconds(expireAt) }),
      ...(recoverable ? { recoverable } : {}),
      ...(positioned ? { positioned, offset: feed.head, epoch: feed.epoch } : {}),
      ...(data === undefined ? {} : { data }),
      ...(this.#shape.compact ? { id: subscription.channel.number } : {}),
      ...(this.#shape.delta ? { delta: true } : {}),
      ...(recovery === undefined ? {} : { wasRecovering: true, recovered, publications: publicationsOf(recovery) }),
    };
  }

  #info(): ClientInfo {
    const { info } = this.#grant;
    return info === undefined ? this.#session.info : { ...this.#session.info, chanInfo: info };
  }

  #isRecoverable(): boolean {
    const options = this.#options;
    const { recoverable, recover } = this.#request;
    const wanted = options.force_recovery || (options.allow_recovery && (recoverable || recover));
    return wanted && keepsHistory(options) && this.#feed.recoverable;
  }

  #recovery(recoverable: boolean, limits: RecoveryLimits): Recovery {
    if (!recoverable) return { kind: 'unrecoverable', reason: 'history' };
    const { channel, offset, epoch } = this.#request;
    const position = { offset, epoch };
    const findings = this.#findings;
    const recovery =
      this.#options.force_recovery_mode === 'cache'
        ? this.#feed.recoverLatest(channel, position, this.#latestLimits(limits), findings.page)
        : this.#feed.recover(channel, position, limits, findings.older);
    // What was found out decides where memory alone can't: nothing to wait for, or nothing kept.
    const isOpen = recovery.kind === 'ahead' || recovery.kind === 'older';
    if (!isOpen || findings.unrecoverable === undefined) return recovery;
    return { kind: 'unrecoverable', reason: findings.unrecoverable };
  }

  #latestLimits({ maxBytes, roomBytes }: RecoveryLimits): LatestLimits {
    return { ...pageLimits(this.#session, this.#namespace), shape: this.#shape, maxBytes, roomBytes };
  }

  #limits(besideBytes: number): RecoveryLimits {
    const { history_size, history_ttl } = this.#options;
    const { recoveryPublications, queueBytes } = this.#session.context.limits;
    return {
      encoding: this.#session.codec.encoding,
      shape: this.#shape,
      maxPublications: Math.min(history_size, recoveryPublications),
      maxAgeMs: history_ttl,
      // Answers that fill the connection's queue, this one or many together, would end the connection, again at each try.
      maxBytes: queueBytes / 2 - besideBytes,
      roomBytes: (queueBytes - this.#session.socket.bufferedAmount()) / 2 - besideBytes,
    };
  }
}

/** What was looked at can be answered. */
export interface Ready {
  readonly kind: 'ready';
  readonly recoverable: boolean;
  readonly recovery: Exclude<Recovery, Obstacle> | undefined;
}

/** A channel that may not be asked for at all, whoever asks. */
export function refuseChannel(session: ClientSession, channel: string): ErrorCode | undefined {
  if (!isChannelName(channel)) return errorCodes.badRequest;
  if (session.subscriptions.get(channel) !== undefined) return errorCodes.alreadySubscribed;
  if (session.subscriptions.size >= session.context.limits.channelLimit) return errorCodes.limitExceeded;
  return undefined;
}

function isObstacle(recovery: Recovery): recovery is Obstacle {
  return recovery.kind !== 'recovered' && recovery.kind !== 'unrecoverable';
}

function note(session: ClientSession, recovery: Exclude<Recovery, Obstacle>, recoverable: boolean): void {
  const { recoveries, recoveredFrom, recoveredPublications } = session.context.metrics;
  if (recovery.kind === 'recovered') {
    recoveries.inc({ outcome: 'recovered' });
    recoveredFrom.inc({ tier: recovery.tier });
    recoveredPublications.inc(recovery.publications.length);
  } else recoveries.inc({ outcome: recoverable ? recovery.reason : 'off' });
}

function publicationsOf(recovery: Recovery): readonly Publication[] {
  return recovery.kind === 'recovered' ? recovery.publications : [];
}
