import { type CommandOf, disconnectCodes, errorCodes } from '@pharos/client-protocol';

import { serverVersion } from '../../version.ts';
import { fits, grantFits, sizeOf } from '../answer-size.ts';
import type { ClientSession } from '../client-session.ts';
import { refreshProxyOf } from '../server-refresh.ts';
import { PendingSubscribe } from '../subscription-set.ts';

/** Prolongs the connection by another token of the same user. */
export function refresh(session: ClientSession, command: CommandOf<'refresh'>): void {
  const { token } = command.request;
  // The backend is asked, and the client was not told that its connection would end.
  if (session.context.proxies.asksOnExpiry && !session.holder.isToRefresh)
    return session.disconnect(disconnectCodes.badRequest);
  if (!session.context.authority.enabled) return session.replyError(command.id, errorCodes.notAvailable);
  if (token === '') return session.replyError(command.id, errorCodes.badRequest);
  session.waitFor(command.id, async () => {
    const outcome = await session.context.authority.refresh(session, token);
    if (session.closed) return;
    if ('disconnect' in outcome) return session.disconnect(outcome.disconnect);
    if ('error' in outcome) return session.replyError(command.id, outcome.error);
    if (!fits(session, 'info of a connection', sizeOf(outcome.info)))
      return session.replyError(command.id, errorCodes.limitExceeded);
    session.holder.identify(outcome);
    const result = { client: session.id, version: serverVersion, ...session.holder.validity };
    session.reply({ method: 'refresh', id: command.id, result });
  });
}

/** Prolongs a subscription by another token for the same channel. */
export function subRefresh(session: ClientSession, command: CommandOf<'sub_refresh'>): void {
  const { channel, token } = command.request;
  if (refreshProxyOf(session, channel) !== undefined && !session.isToRefresh(channel))
    return session.disconnect(disconnectCodes.badRequest);
  if (!session.context.authority.enabled) return session.replyError(command.id, errorCodes.notAvailable);
  if (token === '' || channel === '') return session.replyError(command.id, errorCodes.badRequest);
  const isSubscribed = (): boolean => {
    const entry = session.subscriptions.get(channel);
    return entry !== undefined && !(entry instanceof PendingSubscribe);
  };
  if (!isSubscribed()) return session.replyError(command.id, errorCodes.permissionDenied);
  session.waitFor(command.id, async () => {
    const grant = await session.context.authority.subscription(session, channel, token);
    if (session.closed) return;
    if ('code' in grant) return session.replyError(command.id, grant);
    // Unsubscribed meanwhile.
    if (!isSubscribed()) return session.replyError(command.id, errorCodes.permissionDenied);
    if (!grantFits(session, grant, session.holder.info))
      return session.replyError(command.id, errorCodes.limitExceeded);
    session.hold(channel, grant);
    const { expireAt } = grant;
    // From now on the backend may be asked.
    const result =
      expireAt === undefined || !session.isToRefresh(channel)
        ? {}
        : { expires: true, ttlSeconds: session.context.expirations.ttlSeconds(expireAt) };
    session.reply({ method: 'sub_refresh', id: command.id, result });
  });
}
