import {
  type CommandOf,
  type ErrorCode,
  errorCodes,
  type SubscribeResult,
  subscribeFlags,
} from '@pharos/client-protocol';

import { isChannelName, type Namespace } from '../../namespaces.ts';
import type { LaneFeed } from '../../outbound/lane-feed.ts';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
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
  if (feed.attached) return join(session, command, feed);
  session.waitFor(command.id, () => joinWhenAttached(session, command, feed));
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

async function joinWhenAttached(session: ClientSession, command: SubscribeCommand, feed: LaneFeed): Promise<void> {
  const { channel } = command.request;
  const attempt = new PendingSubscribe(command.id);
  session.subscriptions.set(channel, attempt);
  let failure: unknown;
  try {
    await feed.ready(session.context.limits.attachTimeoutMs);
  } catch (error) {
    failure = error;
  }
  // Unsubscribed or gone in the meantime: the command was answered then.
  if (session.closed || session.subscriptions.get(channel) !== attempt) return;
  if (failure === undefined) return join(session, command, feed);
  session.context.logger.debug({ err: failure, client: session.id }, 'a subscribe waited in vain for its lane');
  session.subscriptions.delete(channel);
  session.replyError(command.id, errorCodes.internal);
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
