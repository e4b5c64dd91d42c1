import {
  type CommandOf,
  type ErrorCode,
  errorCodes,
  type Publication,
  type SubscribeResult,
  subscribeFlags,
} from '@pharos/client-protocol';

import { isChannelName, keepsHistory, type Namespace } from '@pharos/channels';
import type { LaneFeed } from '../../outbound/lane-feed.ts';
import type { LifecycleFeed } from '../../outbound/lifecycle-feed.ts';
import type { Obstacle, Recovery, RecoveryLimits } from '../../outbound/recovery.ts';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { lifecycleFeed, takePart } from '../take-part.ts';
import { pageLimits } from './history.ts';
import { type Findings, Overcoming, PutOff } from './overcome.ts';
import { maySubscribe } from './permissions.ts';

type SubscribeCommand = CommandOf<'subscribe'>;

/** A subscribe that was allowed. */
interface Attempt {
  readonly session: ClientSession;
  readonly command: SubscribeCommand;
  readonly namespace: Namespace;
  readonly feed: LaneFeed;
  readonly findings: Findings;
  /** Joins and leaves, where they are wanted. */
  readonly events: LifecycleFeed | undefined;
}

export function subscribe(session: ClientSession, command: SubscribeCommand): void {
  const { channel } = command.request;
  const namespace = session.context.namespaces.find(channel);
  const refusal = refuse(session, command, namespace);
  if (refusal !== undefined || namespace === undefined) {
    return session.replyError(command.id, refusal ?? errorCodes.unknownChannel);
  }
  const feed = session.context.hub.feedOf(namespace.log, channel);
  const events = lifecycleFeed(session.context, namespace, channel, command.request.joinLeave);
  const attempt: Attempt = { session, command, namespace, feed, events, findings: {} };
  if (feed.attached && events?.attached !== false && join(attempt) === undefined) return;
  session.waitFor(command.id, () => joinLater(attempt));
}

function refuse(
  session: ClientSession,
  command: SubscribeCommand,
  namespace: Namespace | undefined,
): ErrorCode | undefined {
  const { request } = command;
  if (!isChannelName(request.channel)) return errorCodes.badRequest;
  if (namespace === undefined) return errorCodes.unknownChannel;
  if (session.subscriptions.get(request.channel) !== undefined) return errorCodes.alreadySubscribed;
  if (session.subscriptions.size >= session.context.limits.channelLimit) return errorCodes.limitExceeded;
  // A token can't be checked without keys, so it permits nothing; nor can a filter be left out unnoticed.
  if (request.token !== '' || !maySubscribe(namespace, session)) return errorCodes.permissionDenied;
  if (request.filter !== undefined) return errorCodes.notAvailable;
  return undefined;
}

/** Waits for the lane to be attached, and for what the client missed, each for a while. */
async function joinLater(attempt: Attempt): Promise<void> {
  const { session, command, feed } = attempt;
  const { channel } = command.request;
  const pending = new PendingSubscribe(command.id);
  session.subscriptions.set(channel, pending);
  // Unsubscribed or gone in the meantime: the command was answered then.
  const isOver = (): boolean => session.closed || session.subscriptions.get(channel) !== pending;
  try {
    await tryUntilJoined(attempt, isOver);
    return;
  } catch (error) {
    if (isOver()) return;
    if (error instanceof PutOff) session.context.metrics.recoveries.inc({ outcome: error.outcome });
    session.context.logger.debug({ err: error, client: session.id, lane: feed.lane }, 'a subscribe waited in vain');
  }
  session.subscriptions.delete(channel);
  session.replyError(command.id, errorCodes.internal);
}

/** @throws PutOff, DeadlineExceeded, BusError */
async function tryUntilJoined(attempt: Attempt, isOver: () => boolean): Promise<void> {
  const { session, namespace, feed, events } = attempt;
  const { channel, offset } = attempt.command.request;
  const { attachTimeoutMs } = session.context.limits;
  let { findings } = attempt;
  let overcoming: Overcoming | undefined;
  for (;;) {
    await Promise.all([feed.ready(attachTimeoutMs), events?.ready(attachTimeoutMs)]);
    if (isOver()) return;
    const obstacle = join({ ...attempt, findings });
    if (obstacle === undefined) return;
    overcoming ??= new Overcoming({
      ...{ session, feed, channel, offset },
      limits: limitsOf(attempt),
      pageLimits: pageLimits(session, namespace),
    });
    findings = await overcoming.overcome(obstacle, findings);
    if (isOver()) return;
  }
}

/**
 * Looks at what was missed, joins the live set and answers, all in one turn: nothing falls between the answer and the first
 * live publication, and nothing comes twice. Where that isn't possible yet, says what it takes.
 */
function join(attempt: Attempt): Obstacle | undefined {
  const { session, command, namespace, feed } = attempt;
  const { request } = command;
  const { options } = namespace;
  const recoverable = isRecoverable(attempt);
  const recovery = request.recover ? recoverFrom(attempt, recoverable) : undefined;
  if (recovery !== undefined && isObstacle(recovery)) return recovery;
  const recovered = recovery?.kind === 'recovered';
  if (recovery !== undefined) note(session, recovery, recoverable);
  if (recovery !== undefined && !recovered && (request.flag & subscribeFlags.rejectUnrecovered) !== 0) {
    session.subscriptions.delete(request.channel);
    session.replyError(command.id, errorCodes.unrecoverablePosition);
    return undefined;
  }
  const wanted = options.force_positioning || (options.allow_positioning && request.positioned);
  const positioned = recoverable || (wanted && feed.indexed);
  const subscription = feed.join(request.channel, session, positioned);
  session.subscriptions.set(request.channel, subscription);
  takePart(session.context, namespace, subscription, session.info, attempt.events);
  const result: SubscribeResult = {
    ...(recoverable ? { recoverable } : {}),
    ...(positioned ? { positioned, offset: feed.head, epoch: feed.epoch } : {}),
    ...(recovery === undefined ? {} : { wasRecovering: true, recovered, publications: publicationsOf(recovery) }),
  };
  session.reply({ method: 'subscribe', id: command.id, result });
  return undefined;
}

function isRecoverable({ command, namespace, feed }: Attempt): boolean {
  const { options } = namespace;
  const { recoverable, recover } = command.request;
  const wanted = options.force_recovery || (options.allow_recovery && (recoverable || recover));
  return wanted && keepsHistory(options) && feed.recoverable;
}

function recoverFrom(attempt: Attempt, recoverable: boolean): Recovery {
  if (!recoverable) return { kind: 'unrecoverable', reason: 'history' };
  const { session, command, namespace, feed, findings } = attempt;
  const { channel, offset, epoch } = command.request;
  const position = { offset, epoch };
  const recovery =
    namespace.options.force_recovery_mode === 'cache'
      ? feed.recoverLatest(channel, position, pageLimits(session, namespace), findings.page)
      : feed.recover(channel, position, limitsOf(attempt), findings.older);
  // What was found out decides where memory alone can't: nothing to wait for, or nothing kept.
  const isOpen = recovery.kind === 'ahead' || recovery.kind === 'older';
  if (!isOpen || findings.unrecoverable === undefined) return recovery;
  return { kind: 'unrecoverable', reason: findings.unrecoverable };
}

function limitsOf({ session, namespace }: Attempt): RecoveryLimits {
  const { history_size, history_ttl } = namespace.options;
  const { recoveryPublications, queueBytes } = session.context.limits;
  return {
    encoding: session.codec.encoding,
    maxPublications: Math.min(history_size, recoveryPublications),
    maxAgeMs: history_ttl,
    // Answers that fill the connection's queue, this one or many together, would end the connection, again at each try.
    maxBytes: queueBytes / 2,
    roomBytes: (queueBytes - session.socket.bufferedAmount()) / 2,
  };
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
