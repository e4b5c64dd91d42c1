import { isChannelName } from '@pharos/channels';
import { type CommandOf, errorCodes, type Reply } from '@pharos/client-protocol';
import { DeadlineExceeded } from '@pharos/lifecycle';
import { PresenceError } from '@pharos/presence';

import type { EdgePresence } from '../../presence/edge-presence.ts';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { may } from './permissions.ts';

type PresenceCommand = CommandOf<'presence'> | CommandOf<'presence_stats'>;

/** Who is in a channel, or how many. */
export function presence(session: ClientSession, command: PresenceCommand): void {
  const { channel } = command.request;
  const { namespaces, presence: store } = session.context;
  if (!isChannelName(channel)) return session.replyError(command.id, errorCodes.badRequest);
  const namespace = namespaces.find(channel);
  if (namespace === undefined) return session.replyError(command.id, errorCodes.unknownChannel);
  if (!namespace.options.presence || store === undefined) {
    return session.replyError(command.id, errorCodes.notAvailable);
  }
  const entry = session.subscriptions.get(channel);
  const subscribed = entry !== undefined && !(entry instanceof PendingSubscribe);
  if (!may('presence', namespace, session, channel, subscribed)) {
    return session.replyError(command.id, errorCodes.permissionDenied);
  }
  session.waitFor(command.id, () => answer(session, command, store));
}

async function answer(session: ClientSession, command: PresenceCommand, store: EdgePresence): Promise<void> {
  const { reads } = session.context.metrics.presence;
  const { method } = command;
  let reply: Reply;
  try {
    reply = await read(command, store);
  } catch (error) {
    if (!(error instanceof PresenceError || error instanceof DeadlineExceeded)) throw error;
    const code = error instanceof PresenceError ? error.code : 'deadline';
    reads.inc({ command: method, outcome: code });
    session.context.logger.debug({ err: error, client: session.id }, 'presence could not be read');
    return session.replyError(command.id, code === 'too-many' ? errorCodes.limitExceeded : errorCodes.internal);
  }
  // More than the connection may have buffered would end it, again at each try.
  if (method === 'presence' && session.codec.encodeReply(reply).length > session.context.limits.queueBytes / 2) {
    reads.inc({ command: method, outcome: 'too-many' });
    return session.replyError(command.id, errorCodes.limitExceeded);
  }
  reads.inc({ command: method, outcome: 'ok' });
  session.reply(reply);
}

async function read({ method, id, request }: PresenceCommand, store: EdgePresence): Promise<Reply> {
  if (method === 'presence') return { method, id, result: { presence: await store.members(request.channel) } };
  const { clients, users } = await store.stats(request.channel);
  return { method, id, result: { numClients: clients, numUsers: users } };
}
