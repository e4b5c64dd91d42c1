import { mayBeCalled, type Namespace } from '@pharos/channels';
import { type CommandOf, type ErrorCode, errorCodes, type FilterNode } from '@pharos/client-protocol';

import { compileFilter, FilterError, type TagFilter } from '../../outbound/tag-filter.ts';
import { grantFits } from '../answer-size.ts';
import type { ClientSession } from '../client-session.ts';
import { type Grant, plainGrant } from '../grant.ts';
import { Joining, refuseChannel } from '../joining.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { decision, grantFrom } from './backend.ts';
import { PutOff } from './overcome.ts';
import { maySubscribe } from './permissions.ts';

type SubscribeCommand = CommandOf<'subscribe'>;

export function subscribe(session: ClientSession, command: SubscribeCommand): void {
  const { channel, token, filter } = command.request;
  const namespace = session.context.namespaces.find(channel);
  const refusal = refuseChannel(session, channel) ?? refuse(session, command, namespace);
  if (refusal !== undefined || namespace === undefined) {
    return session.replyError(command.id, refusal ?? errorCodes.unknownChannel);
  }
  if (!session.isWithinRate(command.id, 'subscribe', namespace)) return;
  const tags = filter === undefined ? undefined : compile(session, filter);
  if (tags !== undefined && 'code' in tags) return session.replyError(command.id, tags);
  if (token !== '') return session.waitFor(command.id, () => joinByToken(session, command, namespace, tags));
  if (maySubscribe(namespace, session, channel) === undefined)
    return session.askBackend(command.id, () => joinByBackend(session, command, namespace, tags));
  const joining = new Joining(session, namespace, command.request, plainGrant, tags);
  if (joining.attached && tryToJoin(session, command, joining)) return;
  session.waitFor(command.id, () => joinLater(session, command, joining));
}

function refuse(
  session: ClientSession,
  { request: { channel, token, filter, delta } }: SubscribeCommand,
  namespace: Namespace | undefined,
): ErrorCode | undefined {
  if (namespace === undefined) return errorCodes.unknownChannel;
  if (!mayBeCalled(namespace, channel)) return errorCodes.badRequest;
  if (token === '' && maySubscribe(namespace, session, channel) === false) return errorCodes.permissionDenied;
  if (delta !== '' && delta !== 'fossil') return errorCodes.badRequest;
  if (filter === undefined) return undefined;
  // A filter can't be left out unnoticed.
  if (!namespace.options.allow_tags_filter) return errorCodes.notAvailable;
  // What is held back would be missing from what the next delta applies to.
  return delta === '' ? undefined : errorCodes.badRequest;
}

function compile(session: ClientSession, filter: FilterNode): TagFilter | ErrorCode {
  try {
    return compileFilter(filter);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    session.context.logger.debug({ client: session.id, reason: error.message }, 'a tag filter was refused');
    return error.kind === 'too-large' ? errorCodes.limitExceeded : errorCodes.badRequest;
  }
}

async function joinByToken(
  session: ClientSession,
  command: SubscribeCommand,
  namespace: Namespace,
  tags: TagFilter | undefined,
): Promise<void> {
  const { request } = command;
  await joinLater(session, command, async () => {
    const grant = await session.context.authority.subscription(session, request.channel, request.token);
    return joiningBy(session, command, namespace, tags, grant);
  });
}

async function joinByBackend(
  session: ClientSession,
  command: SubscribeCommand,
  namespace: Namespace,
  tags: TagFilter | undefined,
): Promise<void> {
  const { request } = command;
  const { subscribe_proxy_name: proxy } = namespace.options;
  await joinLater(session, command, async () => {
    const asked = session.context.proxies.subscribe(proxy, session.holder.asking, request.channel, request.data);
    const answer = await decision(asked);
    if ('disconnect' in answer) session.disconnect(answer.disconnect);
    if (!('result' in answer)) return 'error' in answer ? answer.error : errorCodes.permissionDenied;
    const grant = answer.result === undefined ? plainGrant : grantFrom(session, answer.result);
    return joiningBy(session, command, namespace, tags, grant);
  });
}

function joiningBy(
  session: ClientSession,
  { request }: SubscribeCommand,
  namespace: Namespace,
  tags: TagFilter | undefined,
  grant: Grant | ErrorCode,
): Joining | ErrorCode {
  if ('code' in grant) return grant;
  if (!grantFits(session, grant, session.holder.info)) return errorCodes.limitExceeded;
  return new Joining(session, namespace, request, grant, tags);
}

/** Waits for the lane to be attached, and for what the client missed, each for a while. */
async function joinLater(
  session: ClientSession,
  command: SubscribeCommand,
  allowed: Joining | (() => Promise<Joining | ErrorCode>),
): Promise<void> {
  const { channel } = command.request;
  const pending = new PendingSubscribe(command.id);
  session.subscriptions.set(channel, pending);
  // Unsubscribed or gone in the meantime: the command was answered then.
  const isOver = (): boolean => session.closed || session.subscriptions.get(channel) !== pending;
  let error: ErrorCode = errorCodes.internal;
  try {
    // What was allowed already begins to attach in this turn, whatever comes after it.
    const joining = allowed instanceof Joining ? allowed : await allowed();
    if (isOver()) return;
    if (joining instanceof Joining) {
      await tryUntilJoined(session, command, joining, isOver);
      return;
    }
    error = joining;
  } catch (reason) {
    if (isOver()) return;
    if (reason instanceof PutOff) session.context.metrics.recoveries.inc({ outcome: reason.outcome });
    session.context.logger.debug({ err: reason, client: session.id, channel }, 'a subscribe waited in vain');
  }
  session.subscriptions.delete(channel);
  session.replyError(command.id, error);
}

/** @throws PutOff, DeadlineExceeded, BusError */
async function tryUntilJoined(
  session: ClientSession,
  command: SubscribeCommand,
  joining: Joining,
  isOver: () => boolean,
): Promise<void> {
  for (;;) {
    await joining.ready();
    if (isOver()) return;
    const look = joining.look();
    if (look.kind === 'ready') return answer(session, command, joining.enter(look));
    await joining.overcome(look);
    if (isOver()) return;
  }
}

/** False where it takes more than this turn. */
function tryToJoin(session: ClientSession, command: SubscribeCommand, joining: Joining): boolean {
  const look = joining.look();
  if (look.kind !== 'ready') return false;
  answer(session, command, joining.enter(look));
  return true;
}

function answer(session: ClientSession, { id }: SubscribeCommand, result: ReturnType<Joining['enter']>): void {
  if ('code' in result) session.replyError(id, result);
  else session.reply({ method: 'subscribe', id, result });
}
