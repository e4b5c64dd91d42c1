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
import type { Recovery } from '../../outbound/recovery.ts';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { maySubscribe } from './permissions.ts';

type SubscribeCommand = CommandOf<'subscribe'>;

/** How long a client that comes from an edge which was ahead waits for this one; then it tries again, here or elsewhere. */
const catchUpMs = 2_000;

/** A subscribe that was allowed. */
interface Attempt {
  readonly session: ClientSession;
  readonly command: SubscribeCommand;
  readonly namespace: Namespace;
  readonly feed: LaneFeed;
  /** The client's position lies behind the end of the log: no edge will ever reach it. */
  readonly isBeyond?: boolean;
}

export function subscribe(session: ClientSession, command: SubscribeCommand): void {
  const { channel } = command.request;
  const namespace = session.context.namespaces.find(channel);
  const refusal = refuse(session, command, namespace);
  if (refusal !== undefined || namespace === undefined) {
    return session.replyError(command.id, refusal ?? errorCodes.unknownChannel);
  }
  const feed = session.context.hub.feedOf(namespace.log, channel);
  const attempt: Attempt = { session, command, namespace, feed };
  if (feed.attached && join(attempt)) return;
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

/** Waits for the lane to be attached, and for it to reach the client's position, each for a while. */
async function joinLater(attempt: Attempt): Promise<void> {
  const { session, command, feed } = attempt;
  const { channel, offset } = command.request;
  const pending = new PendingSubscribe(command.id);
  session.subscriptions.set(channel, pending);
  let failure: unknown;
  try {
    await feed.ready(session.context.limits.attachTimeoutMs);
    // Unsubscribed or gone in the meantime: the command was answered then.
    const isOver = (): boolean => session.closed || session.subscriptions.get(channel) !== pending;
    if (isOver() || join(attempt)) return;
    const reached = await feed.reached(offset, catchUpMs);
    if (isOver() || (reached && feed.attached && join(attempt))) return;
    const isBeyond = !reached && (await feed.newest()) < offset;
    if (isOver() || (isBeyond && feed.attached && join({ ...attempt, isBeyond }))) return;
    session.context.metrics.recoveries.inc({ outcome: 'ahead' });
  } catch (error) {
    failure = error;
  }
  if (session.closed || session.subscriptions.get(channel) !== pending) return;
  session.context.logger.debug({ err: failure, client: session.id }, 'a subscribe waited in vain for its lane');
  session.subscriptions.delete(channel);
  session.replyError(command.id, errorCodes.internal);
}

/**
 * Looks at what was missed, joins the live set and answers, all in one turn: nothing falls between the answer and the first
 * live publication, and nothing comes twice. False where the client's position is still to come here.
 */
function join(attempt: Attempt): boolean {
  const { session, command, namespace, feed } = attempt;
  const { request } = command;
  const { options } = namespace;
  const recoverable = isRecoverable(attempt);
  const recovery = request.recover ? recoverFrom(attempt, recoverable) : undefined;
  if (recovery?.kind === 'ahead') return false;
  const recovered = recovery?.kind === 'recovered';
  if (recovery !== undefined) note(session, recovery, recoverable);
  if (recovery !== undefined && !recovered && (request.flag & subscribeFlags.rejectUnrecovered) !== 0) {
    session.subscriptions.delete(request.channel);
    session.replyError(command.id, errorCodes.unrecoverablePosition);
    return true;
  }
  const wanted = options.force_positioning || (options.allow_positioning && request.positioned);
  const positioned = recoverable || (wanted && feed.indexed);
  session.subscriptions.set(request.channel, feed.join(request.channel, session, positioned));
  const result: SubscribeResult = {
    ...(recoverable ? { recoverable } : {}),
    ...(positioned ? { positioned, offset: feed.head, epoch: feed.epoch } : {}),
    ...(recovery === undefined ? {} : { wasRecovering: true, recovered, publications: publicationsOf(recovery) }),
  };
  session.reply({ method: 'subscribe', id: command.id, result });
  return true;
}

function isRecoverable({ command, namespace, feed }: Attempt): boolean {
  const { options } = namespace;
  const { recoverable, recover } = command.request;
  const wanted = options.force_recovery || (options.allow_recovery && (recoverable || recover));
  return wanted && keepsHistory(options) && feed.recoverable;
}

function recoverFrom({ session, command, namespace, feed, isBeyond }: Attempt, recoverable: boolean): Recovery {
  if (!recoverable) return { kind: 'unrecoverable', reason: 'history' };
  const { channel, offset, epoch } = command.request;
  const { history_size, history_ttl } = namespace.options;
  const { recoveryPublications, queueBytes } = session.context.limits;
  const recovery = feed.recover(
    channel,
    { offset, epoch },
    {
      maxPublications: Math.min(history_size, recoveryPublications),
      maxAgeMs: history_ttl,
      // Answers that fill the connection's queue, this one or many together, would end the connection, again at each try.
      maxBytes: (queueBytes - session.socket.bufferedAmount()) / 2,
    },
  );
  // Nothing to wait for: the log was cut, or nobody ever was there.
  return recovery.kind === 'ahead' && isBeyond === true ? { kind: 'unrecoverable', reason: 'beyond' } : recovery;
}

function note(session: ClientSession, recovery: Exclude<Recovery, { kind: 'ahead' }>, recoverable: boolean): void {
  const { recoveries, recoveredPublications } = session.context.metrics;
  if (recovery.kind === 'recovered') {
    recoveries.inc({ outcome: 'recovered' });
    recoveredPublications.inc(recovery.publications.length);
  } else recoveries.inc({ outcome: recoverable ? recovery.reason : 'off' });
}

function publicationsOf(recovery: Recovery): readonly Publication[] {
  return recovery.kind === 'recovered' ? recovery.publications : [];
}
