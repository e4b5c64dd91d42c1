import { BusError } from '@pharos/bus';
import { type CommandOf, type ErrorCode, errorCodes } from '@pharos/client-protocol';

import { mayBeCalled, type Namespace } from '@pharos/channels';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { may } from './permissions.ts';

type PublishCommand = CommandOf<'publish'>;

export function publish(session: ClientSession, command: PublishCommand): void {
  const { channel, data } = command.request;
  const namespace = session.context.namespaces.find(channel);
  if (data.length === 0 || (namespace !== undefined && !mayBeCalled(namespace, channel))) {
    return session.replyError(command.id, errorCodes.badRequest);
  }
  if (namespace === undefined) return session.replyError(command.id, errorCodes.unknownChannel);
  const entry = session.subscriptions.get(channel);
  const subscribed = entry !== undefined && !(entry instanceof PendingSubscribe);
  if (!may('publish', namespace, session, channel, subscribed)) {
    return session.replyError(command.id, errorCodes.permissionDenied);
  }
  session.waitFor(command.id, () => append(session, command, namespace));
}

async function append(session: ClientSession, command: PublishCommand, namespace: Namespace): Promise<void> {
  const { channel, data } = command.request;
  try {
    const { client: clientId, ...info } = session.info;
    const chanInfo = session.channelInfo(channel);
    await session.context.publisher.publish(namespace, channel, data, { clientId, ...info, chanInfo });
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    session.context.logger.debug({ err: error, client: session.id }, 'a publish failed');
    return session.replyError(command.id, errorOf(error));
  }
  session.reply({ method: 'publish', id: command.id, result: {} });
}

/** What a client is told of a failed append. 100 is temporary: it says that trying again is sensible, and that a repeat is possible. */
function errorOf(error: BusError): ErrorCode {
  return error.code === 'too-large' ? errorCodes.limitExceeded : errorCodes.internal;
}
