import type { SeatingServer } from '@pharos/testkit';

import type { OpenLink } from './link.ts';

/** Connects without a socket, in the process of the edge. @param path of its WebSocket endpoint */
export function bySeat(server: SeatingServer, path: string): OpenLink {
  return (events) => {
    const seat = server.seat(
      { path },
      {
        opened: () => events.opened(),
        message: (message) => events.message(message, 0, message.length),
        closed: (code, reason) => events.closed(new Error(`closed: ${reason} (${code})`)),
      },
    );
    return { send: (message) => seat.send(message), drop: () => seat.drop() };
  };
}
