import { grantFits } from './answer-size.ts';
import type { Grant } from './grant.ts';
import type { ClientSession } from './client-session.ts';
import { Joining, refuseChannel } from './joining.ts';
import { requestFor } from './server-side.ts';
import { PendingSubscribe } from './subscription-set.ts';

/**
 * Subscribes a connected client to a channel by the server's doing, and tells it so; with what it missed since a position, where one is given.
 * Nothing happens where it is in the channel already, or in too many, or could not be sent what it is given.
 */
export async function subscribeByServer(
  session: ClientSession,
  channel: string,
  grant: Grant,
  since: { readonly offset: number; readonly epoch: string },
): Promise<void> {
  const { logger, namespaces } = session.context;
  const namespace = namespaces.find(channel);
  if (namespace === undefined || refuseChannel(session, channel) !== undefined) return;
  if (!grantFits(session, grant, session.holder.info)) return;
  const pending = new PendingSubscribe(0);
  session.subscriptions.set(channel, pending);
  const isOver = (): boolean => session.closed || session.subscriptions.get(channel) !== pending;
  const recover = since.offset > 0 || since.epoch !== '';
  const request = { ...requestFor(channel, undefined), ...since, recover };
  const joining = new Joining(session, namespace, request, { ...grant, serverSide: true });
  try {
    for (;;) {
      await joining.ready();
      if (isOver()) return;
      const look = joining.look();
      if (look.kind === 'ready') {
        const result = joining.enter(look);
        if ('code' in result) return;
        const { recoverable, epoch, offset, positioned, data, publications = [] } = result;
        session.push({ kind: 'subscribe', channel, subscribe: { recoverable, epoch, offset, positioned, data } });
        for (const publication of publications) session.push({ kind: 'pub', channel, publication });
        return;
      }
      await joining.overcome(look);
      if (isOver()) return;
    }
  } catch (error) {
    if (isOver()) return;
    session.subscriptions.delete(channel);
    logger.warn({ err: error, client: session.id, channel }, 'a subscribe by the server waited in vain');
  }
}
