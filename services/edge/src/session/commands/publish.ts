import { BusError } from '@pharos/bus';
import { type CommandOf, type ErrorCode, errorCodes } from '@pharos/client-protocol';

import { holdsFormat, mayBeCalled, type Namespace } from '@pharos/channels';
import type { ClientPublication } from '../../inbound/publisher.ts';
import { fits } from '../answer-size.ts';
import type { ClientSession } from '../client-session.ts';
import { PendingSubscribe } from '../subscription-set.ts';
import { decision } from './backend.ts';
import { may } from './permissions.ts';

type PublishCommand = CommandOf<'publish'>;

export function publish(session: ClientSession, command: PublishCommand): void {
  const { channel, data } = command.request;
  const namespace = session.context.namespaces.find(channel);
  if (namespace === undefined) return session.replyError(command.id, errorCodes.unknownChannel);
  if (!mayBeCalled(namespace, channel) || !holdsFormat(namespace, data)) {
    return session.replyError(command.id, errorCodes.badRequest);
  }
  if (!session.isWithinRate(command.id, 'publish', namespace)) return;
  if (namespace.options.publish_proxy_enabled) {
    return session.askBackend(command.id, (next) => publishByBackend(session, command, namespace, next));
  }
  const entry = session.subscriptions.get(channel);
  const subscribed = entry !== undefined && !(entry instanceof PendingSubscribe);
  if (!may('publish', namespace, session, channel, subscribed)) {
    return session.replyError(command.id, errorCodes.permissionDenied);
  }
  session.waitFor(command.id, () => append(session, command, namespace, { data }));
}

/** The application's backend says whether it is published, and what. */
async function publishByBackend(
  session: ClientSession,
  command: PublishCommand,
  namespace: Namespace,
  next: () => void,
): Promise<void> {
  const { channel, data } = command.request;
  const { proxies, logger } = session.context;
  const { publish_proxy_name: proxy } = namespace.options;
  const answer = await decision(proxies.publish(proxy, session.holder.asking, channel, data));
  if ('disconnect' in answer) return session.disconnect(answer.disconnect);
  if ('error' in answer) return session.replyError(command.id, answer.error);
  const publication = { ...answer.result, data: answer.result?.data ?? data };
  // It would end the connections of all subscribers.
  if (answer.result?.data !== undefined && !fits(session, 'a publication', publication.data.length))
    return session.replyError(command.id, errorCodes.limitExceeded);
  if (!holdsFormat(namespace, publication.data)) {
    logger.warn(
      { channel, proxy },
      'the backend gave data in place of what was to be published that the namespace does not take',
    );
    return session.replyError(command.id, errorCodes.internal);
  }
  const appended = append(session, command, namespace, publication);
  // What comes after it is appended after it, and needn't wait until the log has it.
  next();
  await appended;
}

async function append(
  session: ClientSession,
  command: PublishCommand,
  namespace: Namespace,
  publication: ClientPublication,
): Promise<void> {
  const { channel } = command.request;
  try {
    const { client: clientId, ...info } = session.info;
    const chanInfo = session.channelInfo(channel);
    await session.context.publisher.publish(namespace, channel, publication, { clientId, ...info, chanInfo });
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
