import { mayBeCalled } from '@pharos/channels';
import { type CommandOf, type ConnectResult, disconnectCodes, errorCodes } from '@pharos/client-protocol';

import type { Admission } from '../../auth/authority.ts';
import { anonymous } from '../../auth/identity.ts';
import { serverVersion } from '../../version.ts';
import type { ClientSession } from '../client-session.ts';
import { joinAll } from '../server-side.ts';
import type { Grant } from '../grant.ts';

type ConnectCommand = CommandOf<'connect'>;

const none: ReadonlyMap<string, Grant> = new Map();

export function connect(session: ClientSession, command: ConnectCommand): void {
  const { limits } = session.context;
  const { token } = command.request;
  if (token !== '') return session.authenticating(() => connectByToken(session, command));
  if (!limits.allowAnonymous) return session.replyError(command.id, errorCodes.unauthorized);
  admitted(session, command, { identity: anonymous, subs: none });
}

async function connectByToken(session: ClientSession, command: ConnectCommand): Promise<void> {
  const outcome = await session.context.authority.connect(command.request.token);
  if (session.closed) return;
  if ('disconnect' in outcome) return session.disconnect(outcome.disconnect);
  if ('error' in outcome) return session.replyError(command.id, outcome.error);
  if (outcome.subs.size === 0) return admitted(session, command, outcome);
  await admittedWithSubs(session, command, outcome);
}

/** The answer names all that the client is subscribed to, so it waits for their lanes. */
async function admittedWithSubs(session: ClientSession, command: ConnectCommand, admission: Admission): Promise<void> {
  const { namespaces, limits, logger } = session.context;
  for (const channel of admission.subs.keys()) {
    const namespace = namespaces.find(channel);
    if (namespace !== undefined && mayBeCalled(namespace, channel)) continue;
    logger.debug({ channel, client: session.id }, 'a token subscribes to a channel that can not be');
    return session.replyError(command.id, namespace === undefined ? errorCodes.unknownChannel : errorCodes.badRequest);
  }
  if (admission.subs.size > limits.channelLimit) return session.disconnect(disconnectCodes.channelLimit);
  if (!session.admit(admission.identity)) return;
  const joined = await joinAll(session, admission.subs, command.request.subs, (subs) =>
    welcome(session, command, { ...(subs.size === 0 ? {} : { subs }) }),
  );
  if (!joined && !session.closed) session.replyError(command.id, errorCodes.internal);
}

function admitted(session: ClientSession, command: ConnectCommand, { identity }: Admission): void {
  if (session.admit(identity)) welcome(session, command, {});
}

function welcome(session: ClientSession, { id }: ConnectCommand, more: Pick<ConnectResult, 'subs'>): void {
  const { liveness, node, carrier } = session.context;
  session.connected();
  const secret = carrier.emulated?.add(session);
  session.welcome(id, {
    client: session.id,
    version: serverVersion,
    ...session.validity,
    ...more,
    pingSeconds: Math.round(liveness.limits.pingIntervalMs / 1000),
    pong: !carrier.oneWay,
    ...(secret === undefined ? {} : { session: secret }),
    node,
  });
}
