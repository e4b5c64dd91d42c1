import { type CommandOf, errorCodes } from '@pharos/client-protocol';

import type { ClientSession } from '../client-session.ts';
import { decision, fits } from './backend.ts';

/** A method of the application, which its backend answers. */
export function rpc(session: ClientSession, { id, request: { method, data } }: CommandOf<'rpc'>): void {
  const { proxies, logger } = session.context;
  const route = proxies.rpcRoute(method);
  if (route === 'unknown') return session.replyError(id, errorCodes.methodNotFound);
  if (route === 'off') return session.replyError(id, errorCodes.notAvailable);
  if (route === 'ping') return session.reply({ method: 'rpc', id, result: {} });
  session.askBackend(id, async () => {
    const answer = await decision(proxies.rpc(route, session.holder.asking, method, data));
    if ('disconnect' in answer) return session.disconnect(answer.disconnect);
    if ('error' in answer) return session.replyError(id, answer.error);
    const result = { data: session.readable(answer.result?.data) };
    if (fits(session, result.data)) return session.reply({ method: 'rpc', id, result });
    logger.debug({ client: session.id, method }, 'the answer of a method is larger than the queue of a client takes');
    session.replyError(id, errorCodes.limitExceeded);
  });
}
