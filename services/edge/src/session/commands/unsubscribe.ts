import type { CommandOf } from '@pharos/client-protocol';

import type { ClientSession } from '../client-session.ts';

/** Always succeeds: the client wants to be out, and afterwards it is. */
export function unsubscribe(session: ClientSession, command: CommandOf<'unsubscribe'>): void {
  session.leave(command.request.channel);
  session.reply({ method: 'unsubscribe', id: command.id, result: {} });
}
