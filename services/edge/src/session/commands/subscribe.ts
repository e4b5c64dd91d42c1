import {
  type CommandOf,
  type ErrorCode,
  errorCodes,
  type SubscribeResult,
  subscribeFlags,
} from '@pharos/client-protocol';
import { withDeadline } from '@pharos/lifecycle';

import { isChannelName, type Namespace } from '../../namespaces.ts';
import type { LaneFeed } from '../../outbound/lane-feed.ts';
import type { ClientSession } from '../client-session.ts';
import { pending } from '../subscription-set.ts';
import { maySubscribe } from './permissions.ts';

type SubscribeCommand = CommandOf<'subscribe'>;

export function subscribe(session: ClientSession, command: SubscribeCommand): void {
  const { channel } = command.request;
  const namespace = session.context.namespaces.find(channel);
  const refusal = refuse(session, command, namespace);
  if (refusal !== undefined || namespace === undefined) {
    return session.replyError(command.id, refusal ?? errorCodes.unknownChannel);
  }
  const feed = session.context.hub.feedOf(namespace.log, channel);
  const attached = feed.ready();
  if (attached === undefined) return join(session, command, feed);
  session.subscriptions.set(channel, pending);
  session.waitFor(command.id, () => joinWhenAttached(session, command, feed, attached));
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

async function joinWhenAttached(
  session: ClientSession,
  command: SubscribeCommand,
  feed: LaneFeed,
  attached: Promise<void>,
): Promise<void> {
  const { channel } = command.request;
  try {
    await withDeadline(
      attached,
      session.context.limits.attachTimeoutMs,
      `attaching lane ${feed.lane} of ${feed.log.topic}`,
    );
  } catch (error) {
    session.context.logger.warn({ err: error, client: session.id }, 'a subscribe waited in vain for its lane');
    if (session.subscriptions.get(channel) === pending) session.subscriptions.delete(channel);
    return session.replyError(command.id, errorCodes.internal);
  }
  // Unsubscribed or gone in the meantime: the reply to that was given already.
  if (session.closed || session.subscriptions.get(channel) !== pending) return;
  join(session, command, feed);
}

/** Joins the live set and answers in one turn: nothing falls between the position in the answer and the first live publication. */
function join(session: ClientSession, command: SubscribeCommand, feed: LaneFeed): void {
  const { request } = command;
  if (request.recover && (request.flag & subscribeFlags.rejectUnrecovered) !== 0) {
    session.subscriptions.delete(request.channel);
    return session.replyError(command.id, errorCodes.unrecoverablePosition);
  }
  const positioned = request.positioned && feed.indexed;
  session.subscriptions.set(request.channel, feed.join(request.channel, session, positioned));
  const result: SubscribeResult = {
    ...(positioned ? { positioned, offset: feed.head, epoch: feed.log.epoch } : {}),
    ...(request.recover ? { wasRecovering: true, recovered: false } : {}),
  };
  session.reply({ method: 'subscribe', id: command.id, result });
}
