import { type CommandOf, disconnectCodes, errorCodes } from '@pharos/client-protocol';

import { serverVersion } from '../../version.ts';
import type { ClientSession } from '../client-session.ts';

export function connect(session: ClientSession, command: CommandOf<'connect'>): void {
  const { liveness, limits, node } = session.context;
  // No key is configured that a token could be checked with, so none can be valid; taking it for anonymous would be a lie.
  if (command.request.token !== '') return session.disconnect(disconnectCodes.invalidToken);
  if (!limits.allowAnonymous) return session.replyError(command.id, errorCodes.unauthorized);
  session.connected();
  session.reply({
    method: 'connect',
    id: command.id,
    result: {
      client: session.id,
      version: serverVersion,
      pingSeconds: Math.round(liveness.limits.pingIntervalMs / 1000),
      pong: true,
      node,
    },
  });
}
