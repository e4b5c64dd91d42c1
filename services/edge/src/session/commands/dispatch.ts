import { type Command, disconnectCodes } from '@pharos/client-protocol';

import type { ClientSession } from '../client-session.ts';
import { connect } from './connect.ts';
import { history } from './history.ts';
import { presence } from './presence.ts';
import { publish } from './publish.ts';
import { refresh, subRefresh } from './refresh.ts';
import { rpc } from './rpc.ts';
import { subscribe } from './subscribe.ts';
import { unsubscribe } from './unsubscribe.ts';

/** Hands a command to what carries it out. The first must be `connect`, and only the first. */
export function dispatch(session: ClientSession, command: Command): void {
  if ((command.method === 'connect') !== session.awaitsConnect) {
    return session.disconnect(disconnectCodes.badRequest);
  }
  switch (command.method) {
    case 'connect':
      return connect(session, command);
    case 'pong':
      return session.pong();
    case 'ping':
      return session.reply({ method: 'ping', id: command.id, result: {} });
    case 'subscribe':
      return subscribe(session, command);
    case 'unsubscribe':
      return unsubscribe(session, command);
    case 'publish':
      return publish(session, command);
    case 'history':
      return history(session, command);
    case 'send':
      // It has no id, so its refusal can only be a close.
      return session.disconnect(disconnectCodes.notAvailable);
    case 'presence':
    case 'presence_stats':
      return presence(session, command);
    case 'refresh':
      return refresh(session, command);
    case 'sub_refresh':
      return subRefresh(session, command);
    case 'rpc':
      return rpc(session, command);
  }
}
