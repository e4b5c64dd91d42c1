import { type CommandOf, errorCodes } from '@pharos/client-protocol';

import { fits, sizeOf } from '../answer-size.ts';
import type { ClientSession } from '../client-session.ts';
import { decision } from './backend.ts';

/** A method of the application, which its backend answers. */
export function rpc(session: ClientSession, { id, request: { method, data } }: CommandOf<'rpc'>): void {
  const { proxies } = session.context;
  const route = proxies.rpcRoute(method);
  if (route === 'unknown') return session.replyError(id, errorCodes.methodNotFound);
  if (route === 'off') return session.replyError(id, errorCodes.notAvailable);
  if (route === 'ping') return session.reply({ method: 'rpc', id, result: {} });
  session.askBackend(id, async () => {
    const answer = await decision(proxies.rpc(route, session.holder.asking, method, data));
    if ('disconnect' in answer) return session.disconnect(answer.disconnect);
    if ('error' in answer) return session.replyError(id, answer.error);
    const result = { data: session.readable(answer.result?.data) };
    if (!fits(session, 'the answer of a method', sizeOf(result.data)))
      return session.replyError(id, errorCodes.limitExceeded);
    session.reply({ method: 'rpc', id, result });
  });
}
