import { mayBeCalled } from '@pharos/channels';
import { type CommandOf, type ConnectResult, disconnectCodes, errorCodes } from '@pharos/client-protocol';

import type { Admission } from '../../auth/authority.ts';
import { anonymous } from '../../auth/identity.ts';
import { serverVersion } from '../../version.ts';
import { fits, grantFits, sizeOf, welcomeSize } from '../answer-size.ts';
import type { ClientSession } from '../client-session.ts';
import { joinAll } from '../server-side.ts';
import type { Grant } from '../grant.ts';
import { decision, grantFrom, isOver } from './backend.ts';

type ConnectCommand = CommandOf<'connect'>;

const none: ReadonlyMap<string, Grant> = new Map();

export function connect(session: ClientSession, command: ConnectCommand): void {
  const { limits, proxies } = session.context;
  const { token, headers } = command.request;
  session.holder.claims(headers);
  if (token !== '') return session.authenticating(() => connectByToken(session, command));
  if (proxies.asksOnConnect) return session.authenticating(() => connectByBackend(session, command));
  if (!limits.allowAnonymous) return session.replyError(command.id, errorCodes.unauthorized);
  admitted(session, command, { identity: anonymous, subs: none });
}

async function connectByToken(session: ClientSession, command: ConnectCommand): Promise<void> {
  const outcome = await session.context.authority.connect(command.request.token);
  if (session.closed) return;
  if ('disconnect' in outcome) return session.disconnect(outcome.disconnect);
  if ('error' in outcome) return session.replyError(command.id, outcome.error);
  await admittedBy(session, command, outcome);
}

/** Who comes without a token is whom the application's backend says. */
async function connectByBackend(session: ClientSession, command: ConnectCommand): Promise<void> {
  const { proxies, limits } = session.context;
  const { data, name, version, subs: wanted } = command.request;
  const question = { data, name, version, channels: [...wanted.keys()] };
  const answer = await decision(proxies.connect(session.holder.asking, question));
  if (session.closed) return;
  if ('disconnect' in answer) return session.disconnect(answer.disconnect);
  if ('error' in answer) return session.replyError(command.id, answer.error);
  if (answer.result === undefined) {
    if (!limits.allowAnonymous) return session.replyError(command.id, errorCodes.unauthorized);
    return admitted(session, command, { identity: anonymous, subs: none });
  }
  const { user, info, expireAt, meta } = answer.result;
  if (isOver(expireAt)) return session.replyError(command.id, errorCodes.expired);
  const subs = new Map<string, Grant>();
  for (const [channel, result] of answer.result.subs) {
    const grant = grantFrom(session, result);
    if ('code' in grant) return session.replyError(command.id, grant);
    subs.set(channel, { ...grant, serverSide: true });
  }
  const identity = { user, info, expireAt, meta, token: undefined };
  await admittedBy(session, command, { identity, subs, data: session.readable(answer.result.data) });
}

async function admittedBy(session: ClientSession, command: ConnectCommand, admission: Admission): Promise<void> {
  if (!admissionFits(session, admission)) return session.replyError(command.id, errorCodes.limitExceeded);
  if (admission.subs.size === 0) admitted(session, command, admission);
  else await admittedWithSubs(session, command, admission);
}

function admissionFits(session: ClientSession, { identity, subs, data }: Admission): boolean {
  const { info } = identity;
  if (!fits(session, 'info of a connection', sizeOf(info))) return false;
  if (!fits(session, 'the answer to a connect', welcomeSize(data, subs))) return false;
  return [...subs.values()].every((grant) => grantFits(session, grant, info));
}

/** The answer names all that the client is subscribed to, so it waits for their lanes. */
async function admittedWithSubs(session: ClientSession, command: ConnectCommand, admission: Admission): Promise<void> {
  const { namespaces, limits, logger } = session.context;
  for (const channel of admission.subs.keys()) {
    const namespace = namespaces.find(channel);
    if (namespace !== undefined && mayBeCalled(namespace, channel)) continue;
    logger.debug({ channel, client: session.id }, 'the server is to subscribe a client to a channel that can not be');
    return session.replyError(command.id, namespace === undefined ? errorCodes.unknownChannel : errorCodes.badRequest);
  }
  if (admission.subs.size > limits.channelLimit) return session.disconnect(disconnectCodes.channelLimit);
  if (!session.holder.admit(admission.identity)) return;
  const { subs: grants, data } = admission;
  const joined = await joinAll(session, grants, command.request.subs, welcomeSize(data, grants), (subs) =>
    welcome(session, command, { ...(subs.size === 0 ? {} : { subs }), data }),
  );
  if (!joined && !session.closed) session.replyError(command.id, errorCodes.internal);
}

function admitted(session: ClientSession, command: ConnectCommand, { identity, data }: Admission): void {
  if (session.holder.admit(identity)) welcome(session, command, { data });
}

function welcome(session: ClientSession, { id }: ConnectCommand, more: Pick<ConnectResult, 'subs' | 'data'>): void {
  const { liveness, node, carrier } = session.context;
  session.connected();
  const secret = carrier.emulated?.add(session);
  session.welcome(id, {
    client: session.id,
    version: serverVersion,
    ...session.holder.validity,
    ...more,
    pingSeconds: Math.round(liveness.limits.pingIntervalMs / 1000),
    pong: !carrier.oneWay,
    ...(secret === undefined ? {} : { session: secret }),
    node,
  });
}
