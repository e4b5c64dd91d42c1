// `pharos serve edge`, with members that need no descriptor of it: they are in its own process, connected by function calls.
import { main } from '@pharos/edge';
import { createSocketServer } from '@pharos/socket-server';
import { SeatingServer } from '@pharos/testkit';

import type { SeatCommands } from '../clients/commands.ts';
import { Membership } from '../clients/membership.ts';
import { bySeat } from '../clients/seat-link.ts';
import { serveCommands } from '../frame/commands.ts';

const path = '/connection/websocket';
const [, , configFile = ''] = process.argv;
const membership = new Membership();
let server: SeatingServer | undefined;

const commands: SeatCommands = {
  enter: async (entrants) => {
    const seating = server;
    if (seating === undefined) throw new Error('the edge has not started');
    return membership.enter(entrants, () => bySeat(seating, path));
  },
  count: () => membership.count(),
  leave: () => membership.leave(),
};
void serveCommands(commands);
await main(
  { configFile, env: process.env },
  {
    createServer: async (options) => {
      server = await SeatingServer.over(await createSocketServer(options), options);
      return server;
    },
  },
);
// The channel of commands would keep it.
process.exit();
